/* SystemHealthMonitor.tsx - the panel "Estado del Sistema": servers, sync, counts, drain, chart. */
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import CardContent from "@mui/material/CardContent";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { useFormats } from "../i18n/format";
import { overallOf, SEVERITY, type Severity } from "../status/derive";
import type { LiveState } from "../status/live";
import { useHistory, useLiveStatus } from "../status/LiveStatusProvider";
import { DrainProgress } from "./DrainProgress";
import { HistoryChart } from "./HistoryChart";
import { STATE_ICONS } from "./icons";
import { SyncDetails } from "./SyncDetails";

interface TileProps {
  name: string;
  hint: string;
  value: string;
  severity: Severity;
  testId: string;
}

function Tile({ name, hint, value, severity, testId }: TileProps) {
  const color = severity === "default" ? "text.secondary" : `${severity}.main`;
  return (
    <Card sx={{ borderLeft: 4, borderLeftColor: color }}>
      <CardContent sx={{ py: 2, "&:last-child": { pb: 2 } }}>
        <Typography component="h2" variant="body2" color="text.secondary">
          {name}
        </Typography>
        <Stack direction="row" spacing={1} sx={{ my: 0.5, color, alignItems: "center" }}>
          {STATE_ICONS[severity]}
          <Typography component="p" variant="h2" data-testid={testId}>
            {value}
          </Typography>
        </Stack>
        <Typography variant="body2" color="text.secondary" sx={{ minHeight: "1.43em" }}>
          {hint}
        </Typography>
      </CardContent>
    </Card>
  );
}

function ServerTile({ name, up, hint }: { name: string; up: boolean | undefined; hint: string }) {
  const { t } = useTranslation();
  const value =
    up === undefined ? t("common.unknown") : up ? t("monitor.online") : t("monitor.offline");
  const severity = up === undefined ? "default" : up ? "success" : "error";
  const testId = `${name.toLowerCase()}-state`;
  return <Tile name={name} hint={hint} value={value} severity={severity} testId={testId} />;
}

function Tiles({ state }: { state: LiveState }) {
  const { t } = useTranslation();
  const { sync } = state;
  // What was true when the connection was lost says nothing of now.
  const known = state.connection === "stream" || state.connection === "polling";
  const health = known ? state.health : undefined;
  const consistent = known ? sync?.is_consistent : undefined;
  const syncValue = consistent ? t("monitor.synced") : t("monitor.unsynced");
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        gridTemplateColumns: { xs: "1fr", sm: "repeat(3, 1fr)" },
      }}
    >
      <ServerTile name="MySQL" up={health?.mysql} hint={t("monitor.mysqlHint")} />
      <ServerTile name="Redis" up={health?.redis} hint={t("monitor.redisHint")} />
      <Tile
        name={t("monitor.sync")}
        value={consistent === undefined ? t("common.unknown") : syncValue}
        severity={consistent === undefined ? "default" : consistent ? "success" : "warning"}
        hint={consistent ? t("monitor.syncedHint") : health ? t(`monitor.mode.${health.mode}`) : ""}
        testId="sync-state"
      />
    </Box>
  );
}

function ConnectionNote({ state }: { state: LiveState }) {
  const { t } = useTranslation();
  const { time } = useFormats();
  if (state.connection !== "disconnected") return null;
  return (
    <Alert severity="error" data-testid="disconnected">
      {t("connection.since", { time: time(state.disconnectedSince ?? Date.now()) })}{" "}
      {state.updatedAt !== undefined && t("connection.stale", { time: time(state.updatedAt) })}
    </Alert>
  );
}

export function SystemHealthMonitor() {
  const { t } = useTranslation();
  const state = useLiveStatus();
  const samples = useHistory();
  const overall = overallOf(state);
  const severity = SEVERITY[overall];
  return (
    <Stack component="section" aria-labelledby="monitor-title" spacing={2}>
      <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1, alignItems: "center" }}>
        <Typography id="monitor-title" variant="h1">
          {t("monitor.title")}
        </Typography>
        <Chip
          color={severity}
          icon={STATE_ICONS[severity]}
          label={t(`monitor.overall.${overall}`)}
          data-testid="overall-state"
        />
        <Box sx={{ flexGrow: 1 }} />
        <Typography variant="body2" color="text.secondary" data-testid="connection">
          {t(`connection.${state.connection}`)}
        </Typography>
      </Stack>
      <Typography color="text.secondary">{t(`monitor.summary.${overall}`)}</Typography>
      <ConnectionNote state={state} />
      <Tiles state={state} />
      <DrainProgress sync={state.sync} />
      <SyncDetails health={state.health} sync={state.sync} />
      <HistoryChart samples={samples} />
    </Stack>
  );
}
