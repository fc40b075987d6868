/* Frame.tsx - what is around every page: skip link, header with state, navigation, main. */
import AppsIcon from "@mui/icons-material/Dns";
import InventoryIcon from "@mui/icons-material/Inventory2Outlined";
import OperationsIcon from "@mui/icons-material/PendingActions";
import StatusIcon from "@mui/icons-material/MonitorHeartOutlined";
import AppBar from "@mui/material/AppBar";
import BottomNavigation from "@mui/material/BottomNavigation";
import BottomNavigationAction from "@mui/material/BottomNavigationAction";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Container from "@mui/material/Container";
import Paper from "@mui/material/Paper";
import Stack from "@mui/material/Stack";
import Toolbar from "@mui/material/Toolbar";
import Typography from "@mui/material/Typography";
import useMediaQuery from "@mui/material/useMediaQuery";
import { useTheme } from "@mui/material/styles";
import { useEffect, type ReactElement, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ROUTES, routeHref, useRoute, type Route } from "../route";
import { ConnectionChip } from "./ConnectionChip";
import { Preferences } from "./Preferences";

const ICONS: Record<Route, ReactElement> = {
  status: <StatusIcon />,
  items: <InventoryIcon />,
  operations: <OperationsIcon />,
  instances: <AppsIcon />,
};

function SkipLink() {
  const { t } = useTranslation();
  const focusMain = () => document.getElementById("main")?.focus();
  return (
    <Box
      component="button"
      type="button"
      onClick={focusMain}
      sx={{
        position: "fixed",
        left: 8,
        top: -60,
        zIndex: "tooltip",
        p: 1.5,
        font: "inherit",
        border: 0,
        borderRadius: 1,
        bgcolor: "primary.main",
        color: "primary.contrastText",
        "&:focus": { top: 8 },
      }}
    >
      {t("app.skip")}
    </Box>
  );
}

function WideNavigation({ route }: { route: Route }) {
  const { t } = useTranslation();
  return (
    <Box component="nav" aria-label={t("app.nav")} sx={{ alignSelf: "stretch", ml: 2 }}>
      <Stack
        component="ul"
        direction="row"
        sx={{ m: 0, p: 0, height: "100%", listStyle: "none", "& li": { display: "flex" } }}
      >
        {ROUTES.map((one) => (
          <li key={one}>
            <Button
              href={routeHref(one)}
              aria-current={one === route ? "page" : undefined}
              startIcon={ICONS[one]}
              color={one === route ? "primary" : "inherit"}
              sx={{
                px: 1.75,
                borderRadius: 0,
                borderBottom: 2,
                borderColor: one === route ? "primary.main" : "transparent",
              }}
            >
              {t(`nav.${one}`)}
            </Button>
          </li>
        ))}
      </Stack>
    </Box>
  );
}

function NarrowNavigation({ route }: { route: Route }) {
  const { t } = useTranslation();
  return (
    <Paper
      component="nav"
      aria-label={t("app.nav")}
      square
      elevation={3}
      sx={{ position: "fixed", insetInline: 0, bottom: 0, zIndex: "appBar" }}
    >
      <BottomNavigation value={route} showLabels>
        {ROUTES.map((one) => (
          <BottomNavigationAction
            key={one}
            value={one}
            component="a"
            href={routeHref(one)}
            aria-current={one === route ? "page" : undefined}
            icon={ICONS[one]}
            label={t(`nav.${one}`)}
            sx={{ minWidth: 0, px: 0.5 }}
          />
        ))}
      </BottomNavigation>
    </Paper>
  );
}

export function Frame({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const route = useRoute();
  const wide = useMediaQuery(useTheme().breakpoints.up("md"), { noSsr: true });

  useEffect(() => {
    document.title = `${t(`nav.${route}`)} · relevo`;
  }, [route, t]);

  return (
    <>
      <SkipLink />
      <AppBar
        position="sticky"
        color="inherit"
        elevation={0}
        sx={{ borderBottom: 1, borderColor: "divider" }}
      >
        <Toolbar sx={{ gap: 1, minHeight: 64 }}>
          <Box component="img" src="./favicon.svg" alt="" width={32} height={32} />
          <Typography component="span" variant="h2" sx={{ letterSpacing: "-0.01em" }}>
            {t("app.title")}
          </Typography>
          {wide && <WideNavigation route={route} />}
          <Box sx={{ flexGrow: 1 }} />
          <ConnectionChip />
          <Preferences />
        </Toolbar>
      </AppBar>
      <Container
        component="main"
        id="main"
        tabIndex={-1}
        maxWidth="lg"
        sx={{
          py: { xs: 2, md: 3 },
          pb: { xs: 12, md: 4 },
          px: { xs: 1.5, sm: 3 },
          outline: "none",
        }}
      >
        {children}
      </Container>
      {!wide && <NarrowNavigation route={route} />}
    </>
  );
}
