/* CreateDialog.tsx - a new item. */
import { useTranslation } from "react-i18next";
import { createItem } from "../api/relevo";
import { useNotify } from "../components/Notice";
import { ItemForm } from "./ItemForm";
import { EMPTY_DRAFT, fieldsOf, type Draft } from "./merge";

interface Props {
  onDone: () => void; // created
  onClose: () => void;
}

export function CreateDialog({ onDone, onClose }: Props) {
  const { t } = useTranslation();
  const notify = useNotify();

  async function create(draft: Draft) {
    const answer = await createItem(fieldsOf(draft));
    const code = draft.code;
    if (answer.status === "pending") notify("warning", t("items.queuedCreate", { code }));
    else notify("success", t("items.created", { code }));
    onDone();
  }

  return (
    <ItemForm title={t("dialog.create")} start={EMPTY_DRAFT} onSubmit={create} onClose={onClose} />
  );
}
