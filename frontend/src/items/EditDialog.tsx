/* EditDialog.tsx - editing an item: fetched with its tag first, saved under it, merged on a conflict. */
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, describeError } from "../api/problem";
import { getItem, type Tagged } from "../api/relevo";
import type { Item, Queued, Updated } from "../api/types";
import { useNotify } from "../components/Notice";
import { ConflictDialog } from "./ConflictDialog";
import { ItemForm } from "./ItemForm";
import { draftOf, type Draft } from "./merge";
import { saveItem } from "./saveItem";

interface Props {
  item: Item; // as the list showed it
  onDone: () => void; // saved, or found to be gone
  onClose: () => void;
}

interface Conflict {
  base: Draft;
  mine: Draft;
  theirs: Tagged;
}

export function EditDialog({ item, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const notify = useNotify();
  const [base, setBase] = useState<Tagged>();
  const [conflict, setConflict] = useState<Conflict>();

  useEffect(() => {
    let current = true;
    getItem(item.id)
      .then((found) => current && setBase(found))
      .catch((error: unknown) => {
        if (!current) return;
        const gone = error instanceof ApiError && error.status === 404;
        notify("error", gone ? t("items.gone") : describeError(error, t));
        onDone();
      });
    return () => {
      current = false;
    };
    // What was opened is edited, whatever the list shows later.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  function saved(answer: Updated | Queued, code: string) {
    if (answer.status === "pending") notify("warning", t("items.queuedUpdate", { code }));
    else notify("success", t("items.updated", { code }));
    onDone();
  }

  async function save(from: Tagged, mine: Draft) {
    const result = await saveItem(item.id, from, mine);
    if (result.outcome === "saved") saved(result.answer, mine.code);
    else if (result.outcome === "conflict") {
      setConflict({ base: draftOf(from.item), mine, theirs: result.theirs });
    } else {
      notify("info", t("items.unchanged"));
      onClose();
    }
  }

  if (conflict !== undefined) {
    return (
      <ConflictDialog
        base={conflict.base}
        mine={conflict.mine}
        theirs={draftOf(conflict.theirs.item)}
        onSubmit={(merged) => save(conflict.theirs, merged)}
        onClose={onClose}
      />
    );
  }
  return (
    <ItemForm
      key={base === undefined ? "waiting" : "ready"}
      title={t("dialog.edit")}
      start={draftOf(base?.item ?? item)}
      disabled={base === undefined}
      onSubmit={async (mine) => {
        if (base !== undefined) await save(base, mine);
      }}
      onClose={onClose}
    />
  );
}
