/* ExportDialog.tsx - reads all items that match and hands them over as a file. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import { useNotify } from "../components/Notice";
import { useFormats } from "../i18n/format";
import type { Filters } from "../items/useItemList";
import { downloadCsv } from "./download";
import { exportItems, type Progress } from "./exportItems";
import { separatorOf } from "./text";

interface Props {
  filters: Filters;
  onClose: () => void;
}

export default function ExportDialog({ filters, onClose }: Props) {
  const { t } = useTranslation();
  const { number } = useFormats();
  const notify = useNotify();
  const [progress, setProgress] = useState<Progress>();
  const [fault, setFault] = useState<unknown>();

  // Once, with what was wanted when it was opened; to close it is to cancel.
  useEffect(() => {
    const call = new AbortController();
    let done = 0;
    const tell = (now: Progress) => {
      done = now.done;
      setProgress(now);
    };
    exportItems(filters, separatorOf(navigator.language), tell, call.signal)
      .then((parts) => {
        if (call.signal.aborted) return;
        downloadCsv(t("csv.fileName"), parts);
        notify("success", t("csv.exportDone", { count: done }));
        onClose();
      })
      .catch((error: unknown) => {
        if (!call.signal.aborted) setFault(error);
      });
    return () => call.abort();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const { done = 0, total = 0 } = progress ?? {};
  const count = progress && t("csv.exportCount", { done: number(done), total: number(total) });
  return (
    <Dialog open fullWidth maxWidth="xs" onClose={onClose} aria-labelledby="export-title">
      <DialogTitle id="export-title">{t("csv.exportTitle")}</DialogTitle>
      <DialogContent>
        {fault === undefined ? (
          <>
            <Typography role="status">{t("csv.exporting")}</Typography>
            <LinearProgress
              aria-labelledby="export-title"
              aria-valuetext={count}
              variant={total === 0 ? "indeterminate" : "determinate"}
              value={total === 0 ? undefined : (100 * done) / total}
              sx={{ my: 1 }}
            />
            {/* Outside of what is read out aloud; the end is told by a notice. */}
            <Typography>{count ?? "\u00a0"}</Typography>
          </>
        ) : (
          <Alert severity="error">{describeError(fault, t)}</Alert>
        )}
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {fault === undefined ? t("common.cancel") : t("common.close")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
