/* theme.ts - colours and shapes; light and dark follow the system until the user chooses. */
import { createTheme } from "@mui/material/styles";

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data" },
  colorSchemes: {
    light: {
      palette: {
        primary: { main: "#0f766e" },
        secondary: { main: "#6d28d9" },
        success: { main: "#15803d" },
        warning: { main: "#92400e" },
        error: { main: "#b91c1c" },
        info: { main: "#0369a1" },
        background: { default: "#f4f6f8", paper: "#ffffff" },
      },
    },
    dark: {
      palette: {
        primary: { main: "#2dd4bf" },
        secondary: { main: "#c4b5fd" },
        success: { main: "#4ade80" },
        warning: { main: "#fbbf24" },
        error: { main: "#f87171" },
        info: { main: "#38bdf8" },
        background: { default: "#0e1417", paper: "#161d21" },
      },
    },
  },
  shape: { borderRadius: 10 },
  typography: {
    fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
    h1: { fontSize: "1.6rem", fontWeight: 700 },
    h2: { fontSize: "1.15rem", fontWeight: 650 },
    h3: { fontSize: "1rem", fontWeight: 650 },
    button: { textTransform: "none", fontWeight: 600 },
  },
  components: {
    MuiCard: { defaultProps: { variant: "outlined" } },
    MuiButton: { defaultProps: { disableElevation: true } },
    MuiTextField: { defaultProps: { size: "small" } },
    MuiCssBaseline: {
      styleOverrides: {
        "@media (prefers-reduced-motion: reduce)": {
          "*, *::before, *::after": {
            animationDuration: "0.01ms !important",
            transitionDuration: "0.01ms !important",
          },
        },
      },
    },
  },
});
