/* SyncDetails.tsx - the numbers of the panel. */
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import type { Health, SyncStatus } from "../api/types";
import { useFormats } from "../i18n/format";

interface Fact {
  key: string;
  label: string;
  value: string;
  alert?: boolean;
}

function useFacts(health: Health | undefined, sync: SyncStatus | undefined): Fact[] {
  const { t } = useTranslation();
  const { number, dateTime, duration } = useFormats();
  const none = t("common.empty");
  const count = (value: number | undefined) => (value === undefined ? none : number(value));
  const last = sync?.last_sync;
  const matches = sync?.consistency_details.hash_match;
  const waits = (value: number | undefined) => ({ value: count(value), alert: (value ?? 0) > 0 });
  const durability = health?.durability;
  return [
    { key: "cacheItems", label: t("monitor.cacheItems"), value: count(sync?.cache_items) },
    { key: "creates", label: t("monitor.creates"), ...waits(sync?.pending_creates) },
    { key: "updates", label: t("monitor.updates"), ...waits(sync?.pending_updates) },
    { key: "deletes", label: t("monitor.deletes"), ...waits(sync?.pending_deletes) },
    {
      key: "hash",
      label: t("monitor.hash"),
      value: matches === undefined ? none : matches ? t("common.yes") : t("common.no"),
      alert: matches === false,
    },
    {
      key: "lastSync",
      label: t("monitor.lastSync"),
      value: last ? dateTime(last.at) : sync === undefined ? none : t("common.never"),
    },
    {
      key: "duration",
      label: t("monitor.duration"),
      value: last ? duration(last.duration_ms) : none,
    },
    { key: "rebuilds", label: t("monitor.rebuilds"), value: count(sync?.rebuilds_total) },
    { key: "dead", label: t("monitor.dead"), ...waits(sync?.dead_letters) },
    {
      key: "durability",
      label: t("monitor.durability"),
      value: durability === undefined ? none : t(`monitor.durabilityValue.${durability}`),
      alert: durability === "none",
    },
    { key: "instances", label: t("monitor.instances"), value: count(sync?.instances) },
    { key: "version", label: t("monitor.version"), value: health?.version ?? none },
  ];
}

interface Props {
  health: Health | undefined;
  sync: SyncStatus | undefined;
}

export function SyncDetails({ health, sync }: Props) {
  const { t } = useTranslation();
  const facts = useFacts(health, sync);
  return (
    <Card component="section" aria-labelledby="details-title" sx={{ p: 2 }}>
      <Typography id="details-title" variant="h2" sx={{ mb: 1.5 }}>
        {t("monitor.details")}
      </Typography>
      <Box
        component="dl"
        sx={{
          m: 0,
          display: "grid",
          gap: 2,
          gridTemplateColumns: { xs: "1fr 1fr", sm: "repeat(3, 1fr)", md: "repeat(4, 1fr)" },
        }}
      >
        {facts.map((fact) => (
          <Box key={fact.key} sx={{ minWidth: 0 }}>
            <Typography component="dt" variant="body2" color="text.secondary">
              {fact.label}
            </Typography>
            <Typography
              component="dd"
              data-testid={`fact-${fact.key}`}
              sx={{
                m: 0,
                fontWeight: 600,
                fontVariantNumeric: "tabular-nums",
                color: fact.alert ? "warning.main" : "text.primary",
              }}
            >
              {fact.value}
            </Typography>
          </Box>
        ))}
      </Box>
    </Card>
  );
}
