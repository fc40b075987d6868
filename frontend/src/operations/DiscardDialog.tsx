/* DiscardDialog.tsx - throws a dead letter away. */
import { useTranslation } from "react-i18next";
import { discardDeadLetter } from "../api/relevo";
import type { DeadLetter } from "../api/types";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { useNotify } from "../components/Notice";

interface Props {
  letter: DeadLetter;
  onDone: () => void;
  onClose: () => void;
}

export function DiscardDialog({ letter, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const notify = useNotify();

  async function discard() {
    await discardDeadLetter(letter.operation);
    notify("success", t("operations.discarded"));
    onDone();
  }

  return (
    <ConfirmDialog
      danger
      title={t("operations.discardTitle")}
      text={t("operations.discardText")}
      confirm={t("operations.discard")}
      onConfirm={discard}
      onClose={onClose}
    />
  );
}
