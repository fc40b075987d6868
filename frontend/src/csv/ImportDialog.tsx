/* ImportDialog.tsx - items from a file: choose, look, send, see what became of each row. */
import UploadIcon from "@mui/icons-material/UploadFile";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import { useRef, type ChangeEvent } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";
import { FIELD_NAMES } from "../api/types";
import { useFormats } from "../i18n/format";
import { describeResult } from "./describe";
import { downloadCsv } from "./download";
import { countOutcomes, isOpen, OUTCOMES, type Result } from "./importRows";
import { RowTable } from "./RowTable";
import type { ImportRow, Sheet } from "./rows";
import { separatorOf, writeRows } from "./text";
import { SIZE_MAX_MB, useImport, type Import, type Stage } from "./useImport";

function Choose({ job, again }: { job: Import; again: boolean }) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const take = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file !== undefined) job.read(file);
    // So that the same file, mended, is taken again.
    event.target.value = "";
  };
  return (
    <>
      {job.fault !== undefined && (
        <Alert severity="error" sx={{ mb: 1 }}>
          {t(`csv.${job.fault}`, { size: SIZE_MAX_MB })}
        </Alert>
      )}
      <Button
        variant={again ? "text" : "contained"}
        size={again ? "small" : "medium"}
        startIcon={<UploadIcon />}
        onClick={() => input.current?.click()}
      >
        {t("csv.choose")}
      </Button>
      <input
        ref={input}
        hidden
        type="file"
        accept=".csv,.txt,text/csv"
        aria-label={t("csv.choose")}
        onChange={take}
      />
    </>
  );
}

function Columns({ sheet }: { sheet: Sheet }) {
  const { t } = useTranslation();
  return (
    <>
      {(["missing", "twice", "ignored"] as const).map(
        (kind) =>
          sheet[kind].length > 0 && (
            <Alert key={kind} severity={kind === "ignored" ? "info" : "error"} sx={{ mb: 1 }}>
              {t(`csv.${kind}`, { names: sheet[kind].join(", ") })}
            </Alert>
          ),
      )}
    </>
  );
}

/* The encoding was guessed: shows a row that would look odd if it was guessed wrongly. */
function Guess({ sheet }: { sheet: Sheet }) {
  const { t } = useTranslation();
  const { number } = useFormats();
  const valuesOf = ({ draft }: ImportRow) => FIELD_NAMES.map((name) => draft[name]);
  const odd = sheet.rows.find((row) => valuesOf(row).some((text) => /[\u0080-\uffff]/.test(text)));
  const shown = odd ?? sheet.rows[0];
  return (
    <Alert severity="info" sx={{ mb: 1 }}>
      {t("csv.guessed")}
      {shown !== undefined && (
        <Box sx={{ overflowWrap: "anywhere" }}>
          {t("csv.guessedRow", {
            row: number(shown.row),
            text: valuesOf(shown)
              .filter((text) => text !== "")
              .join(" · "),
          })}
        </Box>
      )}
    </Alert>
  );
}

function linesOf(results: readonly Result[], describe: (one: Result) => string) {
  return results
    .map((one) => ({ row: one.row.row, code: one.row.draft.code, text: describe(one) }))
    .filter(({ text }) => text !== "");
}

function Rows({ job }: { job: Import }) {
  const { t } = useTranslation();
  const { number } = useFormats();
  const counts = countOutcomes([...job.results]);
  const before = job.stage === "look";
  const total = job.results.length - counts.faulty;
  const done = total - counts.unsent;
  const columns = job.sheet?.columns ?? 0;
  const count = t("csv.progress", { done: number(done), total: number(total) });
  return (
    <>
      {!before && (
        <>
          <LinearProgress
            aria-label={t("csv.importTitle")}
            aria-valuetext={count}
            variant="determinate"
            value={total === 0 ? 100 : (100 * done) / total}
            sx={{ my: 1 }}
          />
          <Typography>{count}</Typography>
        </>
      )}
      {job.refusal !== undefined && (
        <Alert severity="error" sx={{ my: 1 }}>
          {t("csv.refusedAll", { reason: describeError(job.refusal, t) })}
        </Alert>
      )}
      {before ? (
        <>
          <Typography>{t("csv.ready", { count: counts.unsent })}</Typography>
          {counts.faulty > 0 && (
            <Typography color="error">{t("csv.faulty", { count: counts.faulty })}</Typography>
          )}
        </>
      ) : (
        <Typography data-testid="outcomes" sx={{ mb: 1 }}>
          {OUTCOMES.filter((name) => counts[name] > 0)
            .map((name) => `${t(`csv.outcome.${name}`)}: ${number(counts[name])}`)
            .join(" · ")}
        </Typography>
      )}
      <RowTable
        label={t(before ? "csv.faultyTable" : "csv.resultsTable")}
        lines={linesOf(job.results, (one) => describeResult(one, columns, t))}
      />
    </>
  );
}

/* Read out aloud whenever it changes, so it does not count; there from the beginning, as a region
 * that comes with its text is not read out. */
function Said({ stage }: { stage: Stage }) {
  const { t } = useTranslation();
  const texts: Partial<Record<Stage, string>> = {
    run: t("csv.started"),
    stopped: t("csv.stopped"),
    done: t("csv.finished"),
  };
  return <Typography role="status">{texts[stage]}</Typography>;
}

/* The file again, with what became of each row. */
function useResultFile(job: Import) {
  const { t } = useTranslation();
  return () => {
    const head = ["row", ...FIELD_NAMES, "result", "id", "detail"];
    const columns = job.sheet?.columns ?? 0;
    const rows = job.results.map((one) => [
      String(one.row.row),
      ...FIELD_NAMES.map((name) => one.row.draft[name]),
      one.outcome,
      String(one.id ?? ""),
      describeResult(one, columns, t),
    ]);
    const text = writeRows([head, ...rows], separatorOf(navigator.language), true);
    downloadCsv(t("csv.resultName"), [text]);
  };
}

function Buttons({ job, onClose }: { job: Import; onClose: () => void }) {
  const { t } = useTranslation();
  const download = useResultFile(job);
  const open = job.results.filter(isOpen).length;
  const { stage, sheet } = job;
  const sound = sheet?.missing.length === 0 && sheet.twice.length === 0;
  const over = stage === "done" || stage === "stopped";
  return (
    <DialogActions sx={{ flexWrap: "wrap", rowGap: 1 }}>
      {over && <Button onClick={download}>{t("csv.download")}</Button>}
      {stage === "run" ? (
        <Button onClick={job.stop}>{t("csv.stop")}</Button>
      ) : (
        <Button onClick={onClose}>{over ? t("common.close") : t("common.cancel")}</Button>
      )}
      {stage === "look" && (
        <Button variant="contained" disabled={!sound || open === 0} onClick={job.start}>
          {t("csv.start", { count: open })}
        </Button>
      )}
      {over && open > 0 && (
        <Button variant="contained" onClick={job.start}>
          {t("csv.again", { count: open })}
        </Button>
      )}
    </DialogActions>
  );
}

interface Props {
  onChange: () => void; // items may have been created
  onClose: () => void;
}

export default function ImportDialog({ onChange, onClose }: Props) {
  const { t } = useTranslation();
  const job = useImport();
  const { stage, sheet } = job;
  const close = () => {
    if (stage === "run") return; // to be stopped first, by its button
    onClose();
    if (stage !== "choose" && stage !== "look") onChange();
  };
  return (
    <Dialog open fullWidth maxWidth="sm" onClose={close} aria-labelledby="import-title">
      <DialogTitle id="import-title">{t("csv.importTitle")}</DialogTitle>
      <DialogContent>
        {(stage === "choose" || stage === "look") && (
          <DialogContentText sx={{ mb: 2 }}>{t("csv.importText")}</DialogContentText>
        )}
        {sheet !== undefined && <Columns sheet={sheet} />}
        {sheet !== undefined && stage === "look" && job.encoding === "windows-1252" && (
          <Guess sheet={sheet} />
        )}
        <Said stage={stage} />
        {sheet?.missing.length === 0 && <Rows job={job} />}
        {(stage === "choose" || stage === "look") && <Choose job={job} again={stage === "look"} />}
      </DialogContent>
      <Buttons job={job} onClose={close} />
    </Dialog>
  );
}
