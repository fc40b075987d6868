/* Loading.tsx - while a page is on its way. Takes the room of one, so that nothing jumps. */
import Box from "@mui/material/Box";
import CircularProgress from "@mui/material/CircularProgress";
import { useTranslation } from "react-i18next";

export function Loading() {
  const { t } = useTranslation();
  return (
    <Box sx={{ minHeight: "60vh", display: "grid", placeItems: "center" }}>
      <CircularProgress aria-label={t("app.loading")} />
    </Box>
  );
}
