/* DeleteDialog.tsx - deleting an item, under the tag of what is shown. */
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, describeError } from "../api/problem";
import { deleteItem, getItem } from "../api/relevo";
import type { Deleted, Item, Queued } from "../api/types";
import { useNotify } from "../components/Notice";
import { changedFields, draftOf } from "./merge";
import { isStale } from "./saveItem";

interface Props {
  item: Item;
  onDone: () => void; // deleted, or found to be gone
  onClose: () => void;
}

type Result = { outcome: "deleted"; answer: Deleted | Queued } | { outcome: "changed"; item: Item };

const TRIES = 3;

/* Deletes only what the user saw: an item with other data is shown again first. */
async function deleteShown(shown: Item): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const { item, etag } = await getItem(shown.id);
    if (changedFields(draftOf(shown), draftOf(item)).length > 0)
      return { outcome: "changed", item };
    try {
      return { outcome: "deleted", answer: await deleteItem(shown.id, etag) };
    } catch (error) {
      if (!isStale(error) || tries === TRIES) throw error;
    }
  }
}

export function DeleteDialog({ item, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const notify = useNotify();
  const [shown, setShown] = useState(item);
  const [changed, setChanged] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const code = shown.code ?? String(shown.id);

  async function confirm() {
    setBusy(true);
    setFault(undefined);
    try {
      const result = await deleteShown(shown);
      if (result.outcome === "changed") {
        setShown(result.item);
        setChanged(true);
      } else {
        const pending = result.answer.status === "pending";
        notify(
          pending ? "warning" : "success",
          pending ? t("items.queuedDelete", { code }) : t("items.deleted", { code }),
        );
        onDone();
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        notify("info", t("items.gone"));
        onDone();
      } else {
        setFault(error);
      }
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog open fullWidth maxWidth="xs" onClose={onClose} aria-labelledby="delete-title">
      <DialogTitle id="delete-title">{t("dialog.deleteTitle")}</DialogTitle>
      <DialogContent>
        {changed && (
          <Alert severity="warning" sx={{ mb: 2 }}>
            {t("dialog.changedSince")}
          </Alert>
        )}
        <DialogContentText>
          {t("dialog.deleteText", { code, type: shown.type, area: shown.area })}
        </DialogContentText>
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
        <Button color="error" variant="contained" loading={busy} onClick={() => void confirm()}>
          {t("dialog.delete")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
