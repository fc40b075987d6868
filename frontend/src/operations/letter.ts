/* letter.ts - what of a dead letter can be edited and shown. Pure. */
import { FIELD_NAMES, type DeadLetter, type FieldName, type ItemPatch } from "../api/types";
import { EMPTY_DRAFT, fieldsOf, type Draft } from "../items/merge";

type Side = "data" | "base" | "current";

function valueOf(letter: DeadLetter, side: Side, name: FieldName): unknown {
  return (letter[side] as Partial<Record<FieldName, unknown>> | null)?.[name];
}

/* What a retry would write: of an overwritten row, the row. */
export function contentOf(letter: DeadLetter): Side {
  return letter.kind === "overwritten" ? "current" : "data";
}

export function isEditable(letter: DeadLetter): boolean {
  return letter.kind !== "delete";
}

/* The values to begin with; a field that the operation left alone shows what it met. */
export function letterDraft(letter: DeadLetter): Draft {
  const sides: Side[] = [contentOf(letter), "current", "base"];
  const entries = FIELD_NAMES.map((name) => {
    const found = sides.map((side) => valueOf(letter, side, name)).find((v) => v !== undefined);
    return [name, typeof found === "string" ? found : ""];
  });
  return { ...EMPTY_DRAFT, ...(Object.fromEntries(entries) as Draft) };
}

/* The body of the retry: what the operation had, and what was edited. Undefined: as it stands. */
export function retryBody(letter: DeadLetter, edited: Draft): ItemPatch | undefined {
  const start = letterDraft(letter);
  const changed = FIELD_NAMES.filter((name) => edited[name] !== start[name]);
  if (changed.length === 0) return undefined;
  const content = contentOf(letter);
  const fields = fieldsOf(edited);
  const sent = FIELD_NAMES.filter(
    (name) => changed.includes(name) || valueOf(letter, content, name) !== undefined,
  );
  return Object.fromEntries(sent.map((name) => [name, fields[name]]));
}

/* The reason, and of a conflict who won. */
export function whyOf({ kind, reason }: DeadLetter): DeadLetter["reason"] | "overwritten" {
  return kind === "overwritten" && reason === "conflict" ? "overwritten" : reason;
}

export interface Comparison {
  name: FieldName;
  values: Record<Side, string | null | undefined>; // null: empty; undefined: not there
}

/* The fields that any of the three knows. */
export function compare(letter: DeadLetter): Comparison[] {
  const text = (value: unknown) => {
    if (value === undefined) return undefined;
    if (value === null || value === "") return null;
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  return FIELD_NAMES.map((name) => ({
    name,
    values: {
      data: text(valueOf(letter, "data", name)),
      base: text(valueOf(letter, "base", name)),
      current: text(valueOf(letter, "current", name)),
    },
  })).filter(({ values }) => Object.values(values).some((value) => value !== undefined));
}
