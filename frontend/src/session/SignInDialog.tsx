/* SignInDialog.tsx - asks for the bearer token. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, describeError } from "../api/problem";

interface Props {
  onSubmit: (token: string) => Promise<void>;
}

export function SignInDialog({ onSubmit }: Props) {
  const { t } = useTranslation();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();

  async function submit() {
    if (token.trim() === "") return setFault(t("session.required"));
    // Nothing else can be sent in a header.
    if (!/^[!-~]+$/.test(token.trim())) return setFault(t("session.wrong"));
    setBusy(true);
    setFault(undefined);
    try {
      await onSubmit(token.trim());
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      setFault(refused ? t("session.wrong") : describeError(error, t));
    } finally {
      setBusy(false);
    }
  }

  function onFormSubmit(event: SyntheticEvent) {
    event.preventDefault();
    void submit();
  }

  return (
    <Dialog open fullWidth maxWidth="xs" aria-labelledby="sign-in-title">
      <form onSubmit={onFormSubmit} noValidate>
        <DialogTitle id="sign-in-title">{t("session.title")}</DialogTitle>
        <DialogContent>
          <DialogContentText sx={{ mb: 2 }}>{t("session.text")}</DialogContentText>
          <TextField
            autoFocus
            fullWidth
            type="password"
            autoComplete="current-password"
            label={t("session.token")}
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
          {fault !== undefined && (
            <Alert severity="error" sx={{ mt: 2 }}>
              {fault}
            </Alert>
          )}
        </DialogContent>
        <DialogActions>
          <Button type="submit" variant="contained" loading={busy}>
            {t("session.submit")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
