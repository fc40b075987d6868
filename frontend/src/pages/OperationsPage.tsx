/* OperationsPage.tsx - what waits for MySQL, and what it would not take. */
import SyncIcon from "@mui/icons-material/Sync";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Card from "@mui/material/Card";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import { runSync } from "../api/relevo";
import type { DeadLetter } from "../api/types";
import { DrainProgress } from "../components/DrainProgress";
import { Loading } from "../components/Loading";
import { useNotify } from "../components/Notice";
import { useFormats } from "../i18n/format";
import { DiscardDialog } from "../operations/DiscardDialog";
import { LetterList } from "../operations/LetterList";
import { PendingList } from "../operations/PendingList";
import { RetryDialog } from "../operations/RetryDialog";
import { useDeadLetters } from "../operations/useDeadLetters";
import { useSession } from "../session/SessionProvider";
import { useLiveStatus } from "../status/LiveStatusProvider";

function RunSync() {
  const { t } = useTranslation();
  const notify = useNotify();
  const [busy, setBusy] = useState(false);
  async function run() {
    setBusy(true);
    try {
      await runSync();
      notify("success", t("operations.started"));
    } catch (error) {
      notify("error", describeError(error, t));
    } finally {
      setBusy(false);
    }
  }
  return (
    <Button variant="contained" startIcon={<SyncIcon />} loading={busy} onClick={() => void run()}>
      {t("operations.runSync")}
    </Button>
  );
}

function Waiting() {
  const { t } = useTranslation();
  const { number } = useFormats();
  const { sync } = useLiveStatus();
  const counts = [
    { label: t("monitor.creates"), value: sync?.pending_creates },
    { label: t("monitor.updates"), value: sync?.pending_updates },
    { label: t("monitor.deletes"), value: sync?.pending_deletes },
  ];
  return (
    <Card component="section" aria-labelledby="waiting-title" sx={{ p: 2 }}>
      <Typography id="waiting-title" variant="h2" sx={{ mb: 1 }}>
        {t("operations.pending")}
      </Typography>
      <Stack
        component="dl"
        direction="row"
        useFlexGap
        sx={{ m: 0, mb: 1.5, columnGap: 4, flexWrap: "wrap" }}
      >
        {counts.map(({ label, value }) => (
          <Box key={label}>
            <Typography component="dt" variant="body2" color="text.secondary">
              {label}
            </Typography>
            <Typography component="dd" variant="h2" sx={{ m: 0 }}>
              {value === undefined ? t("common.empty") : number(value)}
            </Typography>
          </Box>
        ))}
      </Stack>
      <DrainProgress sync={sync} />
      <PendingList />
    </Card>
  );
}

interface Open {
  dialog: "retry" | "discard";
  letter: DeadLetter;
}

export default function OperationsPage() {
  const { t } = useTranslation();
  const { isAdmin } = useSession();
  const { letters, error, refresh } = useDeadLetters();
  const [open, setOpen] = useState<Open>();
  const Dialog = open?.dialog === "retry" ? RetryDialog : DiscardDialog;
  const retry = useCallback((letter: DeadLetter) => setOpen({ dialog: "retry", letter }), []);
  const discard = useCallback((letter: DeadLetter) => setOpen({ dialog: "discard", letter }), []);
  const done = () => {
    setOpen(undefined);
    refresh();
  };
  return (
    <Stack component="section" aria-labelledby="operations-title" spacing={2}>
      <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center" }}>
        <Typography id="operations-title" variant="h1" sx={{ flexGrow: 1 }}>
          {t("operations.title")}
        </Typography>
        {isAdmin && <RunSync />}
      </Stack>
      <Waiting />
      <Box>
        <Typography variant="h2">{t("operations.dead")}</Typography>
        <Typography color="text.secondary">{t("operations.deadHint")}</Typography>
      </Box>
      {error !== undefined && <Alert severity="error">{describeError(error, t)}</Alert>}
      {letters === undefined && error === undefined && <Loading />}
      {letters?.length === 0 && <Alert severity="success">{t("operations.none")}</Alert>}
      {letters !== undefined && (
        <LetterList
          letters={letters}
          onRetry={isAdmin ? retry : undefined}
          onDiscard={isAdmin ? discard : undefined}
        />
      )}
      {open !== undefined && (
        <Dialog letter={open.letter} onDone={done} onClose={() => setOpen(undefined)} />
      )}
    </Stack>
  );
}
