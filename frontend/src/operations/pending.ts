/* pending.ts - what a waiting operation changes, field by field. Pure. */
import { FIELD_NAMES, type FieldName, type PendingOperation } from "../api/types";

export interface Change {
  name: FieldName;
  from: string | undefined; // undefined: there was no value, or it is not known
  to: string | undefined; // undefined: there will be none
}

type Values = Partial<Record<FieldName, unknown>> | null;

function textOf(values: Values, name: FieldName): string | undefined {
  const value = values?.[name];
  return typeof value === "string" ? value : undefined;
}

/* A create sets all fields, an update those that it names, a delete takes all away. */
export function changesOf({ kind, data, base }: PendingOperation): Change[] {
  const named = FIELD_NAMES.filter((name) => kind === "delete" || name in (data ?? {}));
  return named
    .map((name) => ({ name, from: textOf(base, name), to: textOf(data, name) }))
    .filter(({ from, to }) => from !== undefined || to !== undefined);
}

/* What people call the item: its code, where that is known. */
export function codeOf({ data, base }: PendingOperation): string | undefined {
  return textOf(base, "code") ?? textOf(data, "code");
}
