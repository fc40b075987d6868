/* LetterList.tsx - the dead letters, one page of them at a time. */
import { useState } from "react";
import type { DeadLetter } from "../api/types";
import { Pager } from "../components/Pager";
import type { PageModel } from "../components/usePages";
import { LetterCard } from "./LetterCard";

const FEWEST = 25;
const SIZES = [FEWEST, 50, 100];

interface Props {
  letters: DeadLetter[];
  onRetry: ((letter: DeadLetter) => void) | undefined; // undefined: may not
  onDiscard: ((letter: DeadLetter) => void) | undefined;
}

export function LetterList({ letters, onRetry, onDiscard }: Props) {
  const [model, setModel] = useState<PageModel>({ page: 0, pageSize: FEWEST });
  const { page, pageSize } = model;
  const last = Math.max(0, Math.ceil(letters.length / pageSize) - 1);
  // What stood there was retried or discarded.
  if (page > last) setModel({ page: last, pageSize });
  return (
    <>
      {/* Above the cards, which are tall: who turns a page sees where it begins. */}
      {letters.length > FEWEST && (
        <Pager model={model} total={letters.length} sizes={SIZES} onChange={setModel} />
      )}
      {letters.slice(page * pageSize, (page + 1) * pageSize).map((letter) => (
        <LetterCard
          key={letter.operation + letter.kind}
          letter={letter}
          onRetry={onRetry}
          onDiscard={onDiscard}
        />
      ))}
    </>
  );
}
