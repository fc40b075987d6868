/* DeleteDialog.tsx - deleting an item, under the tag of what is shown. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../api/problem";
import { deleteItem, getItem } from "../api/relevo";
import type { Deleted, Item, Queued } from "../api/types";
import { ConfirmDialog } from "../components/ConfirmDialog";
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
  const code = shown.code ?? String(shown.id);

  async function confirm() {
    try {
      const result = await deleteShown(shown);
      if (result.outcome === "changed") {
        setShown(result.item);
        setChanged(true);
        return;
      }
      const pending = result.answer.status === "pending";
      notify(
        pending ? "warning" : "success",
        pending ? t("items.queuedDelete", { code }) : t("items.deleted", { code }),
      );
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      notify("info", t("items.gone"));
    }
    onDone();
  }

  return (
    <ConfirmDialog
      danger
      title={t("dialog.deleteTitle")}
      text={t("dialog.deleteText", { code, type: shown.type, area: shown.area })}
      warning={changed ? t("dialog.changedSince") : undefined}
      confirm={t("dialog.delete")}
      onConfirm={confirm}
      onClose={onClose}
    />
  );
}
