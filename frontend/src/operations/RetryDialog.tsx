/* RetryDialog.tsx - a dead letter once more, with other values if wanted. */
import DialogContentText from "@mui/material/DialogContentText";
import { useTranslation } from "react-i18next";
import { retryDeadLetter } from "../api/relevo";
import type { DeadLetter } from "../api/types";
import { useNotify } from "../components/Notice";
import { ItemForm } from "../items/ItemForm";
import type { Draft } from "../items/merge";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { isEditable, letterDraft, retryBody, whyOf } from "./letter";
import { LetterDetail } from "./LetterDetail";

interface Props {
  letter: DeadLetter;
  onDone: () => void;
  onClose: () => void;
}

export function RetryDialog({ letter, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const notify = useNotify();

  async function retry(draft?: Draft) {
    const body = draft === undefined ? undefined : retryBody(letter, draft);
    await retryDeadLetter(letter.operation, body);
    notify("success", t("operations.retried"));
    onDone();
  }

  if (!isEditable(letter)) {
    return (
      <ConfirmDialog
        title={t("operations.retryTitle")}
        text={`${t(`operations.why.${whyOf(letter)}`)} ${t("operations.retryDelete")}`}
        confirm={t("operations.retry")}
        onConfirm={() => retry()}
        onClose={onClose}
      >
        <LetterDetail letter={letter} />
      </ConfirmDialog>
    );
  }
  return (
    <ItemForm
      title={t("operations.retryTitle")}
      text={<DialogContentText sx={{ mb: 1 }}>{t("operations.retryText")}</DialogContentText>}
      start={letterDraft(letter)}
      submitLabel={t("operations.retry")}
      onSubmit={retry}
      onClose={onClose}
    />
  );
}
