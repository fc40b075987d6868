/* ItemForm.tsx - the dialog around the inputs: title, errors, save and cancel. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import { useState, type SyntheticEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, describeError } from "../api/problem";
import { FIELD_NAMES } from "../api/types";
import { FieldInputs } from "./FieldInputs";
import type { Draft } from "./merge";

interface Props {
  title: string;
  text?: ReactNode;
  start: Draft;
  submitLabel?: string;
  disabled?: boolean;
  onSubmit: (draft: Draft) => Promise<void>; // errors are shown in the form
  onClose: () => void;
}

/* Faults of fields that the form does not have are said above it. */
function otherFaults(errors: Record<string, string>): string[] {
  const names: readonly string[] = FIELD_NAMES;
  return Object.entries(errors)
    .filter(([field]) => !names.includes(field))
    .map(([field, message]) => (field === "" ? message : `${field}: ${message}`));
}

export function ItemForm({ title, text, start, submitLabel, disabled, onSubmit, onClose }: Props) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState(start);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const errors = fault instanceof ApiError ? fault.fieldErrors : {};
  const others = otherFaults(errors);

  async function submit() {
    setBusy(true);
    setFault(undefined);
    try {
      await onSubmit(draft);
    } catch (error) {
      setFault(error);
    } finally {
      setBusy(false);
    }
  }

  function onFormSubmit(event: SyntheticEvent) {
    event.preventDefault();
    if (!busy) void submit();
  }

  return (
    <Dialog open fullWidth maxWidth="xs" onClose={onClose} aria-labelledby="item-form-title">
      <form onSubmit={onFormSubmit} noValidate>
        <DialogTitle id="item-form-title">{title}</DialogTitle>
        <DialogContent>
          {text}
          {fault !== undefined && (
            <Alert severity="error" sx={{ mb: 1 }}>
              {describeError(fault, t)}
              {others.map((other) => (
                <div key={other}>{other}</div>
              ))}
            </Alert>
          )}
          <FieldInputs draft={draft} onChange={setDraft} errors={errors} disabled={disabled} />
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" variant="contained" loading={busy} disabled={disabled}>
            {submitLabel ?? t("common.save")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
