/* DrainProgress.tsx - how far a running drain is. Its room is kept when none runs: nothing jumps. */
import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import type { SyncStatus } from "../api/types";
import { useFormats } from "../i18n/format";
import { drainPercent } from "../status/derive";

export function DrainProgress({ sync }: { sync: SyncStatus | undefined }) {
  const { t } = useTranslation();
  const { number } = useFormats();
  const percent = drainPercent(sync);
  const running = sync !== undefined && percent !== undefined;
  return (
    <Box sx={{ minHeight: 36 }}>
      {running ? (
        <>
          <Stack direction="row" sx={{ justifyContent: "space-between", mb: 0.5 }}>
            <Typography variant="body2" id="drain-label">
              {t("monitor.drain")}
            </Typography>
            <Typography variant="body2" sx={{ fontVariantNumeric: "tabular-nums" }}>
              {t("monitor.drainCount", {
                done: number(sync.drain.done),
                total: number(sync.drain.total),
              })}
            </Typography>
          </Stack>
          <LinearProgress
            variant="determinate"
            value={percent}
            aria-labelledby="drain-label"
            sx={{ height: 8, borderRadius: 4 }}
          />
        </>
      ) : (
        <Typography variant="body2" color="text.secondary">
          {t("monitor.drainIdle")}
        </Typography>
      )}
    </Box>
  );
}
