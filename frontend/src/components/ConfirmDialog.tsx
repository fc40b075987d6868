/* ConfirmDialog.tsx - asks before something is done, and shows why it failed. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { describeError } from "../api/problem";

interface Props {
  title: string;
  text: string;
  confirm: string;
  danger?: boolean;
  wide?: boolean;
  warning?: string | undefined; // above the text
  children?: ReactNode; // below it
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function ConfirmDialog({
  title,
  text,
  confirm,
  danger = false,
  wide = false,
  warning,
  children,
  onConfirm,
  onClose,
}: Props) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();

  async function run() {
    setBusy(true);
    setFault(undefined);
    try {
      await onConfirm();
    } catch (error) {
      setFault(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog
      open
      fullWidth
      maxWidth={wide ? "sm" : "xs"}
      onClose={onClose}
      aria-labelledby="confirm-title"
    >
      <DialogTitle id="confirm-title">{title}</DialogTitle>
      <DialogContent>
        {warning !== undefined && (
          <Alert severity="warning" sx={{ mb: 2 }}>
            {warning}
          </Alert>
        )}
        <DialogContentText>{text}</DialogContentText>
        {children}
        {fault !== undefined && (
          <Alert severity="error" sx={{ mt: 2 }}>
            {describeError(fault, t)}
          </Alert>
        )}
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button
          variant="contained"
          color={danger ? "error" : "primary"}
          loading={busy}
          onClick={() => void run()}
        >
          {confirm}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
