/* ConnectionChip.tsx - the overall state in the header, on every page. */
import Chip from "@mui/material/Chip";
import { useTranslation } from "react-i18next";
import { overallOf, SEVERITY } from "../status/derive";
import { useLiveStatus } from "../status/LiveStatusProvider";
import { STATE_ICONS } from "./icons";

export function ConnectionChip() {
  const { t } = useTranslation();
  const state = useLiveStatus();
  const overall = overallOf(state);
  const lost = state.connection === "disconnected";
  const label = lost ? t("connection.disconnected") : t(`monitor.overall.${overall}`);
  return (
    <Chip
      size="small"
      variant="outlined"
      color={lost ? "error" : SEVERITY[overall]}
      icon={STATE_ICONS[lost ? "error" : SEVERITY[overall]]}
      label={label}
      data-testid="overall-chip"
    />
  );
}
