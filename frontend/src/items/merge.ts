/* merge.ts - the data fields of items: what differs, and three-way merging. Pure. */
import {
  FIELD_NAMES,
  type FieldName,
  type Item,
  type ItemFields,
  type ItemPatch,
} from "../api/types";

/* What a form edits: texts; an empty date stands for null. */
export type Draft = Record<FieldName, string>;

export const EMPTY_DRAFT: Draft = {
  code: "",
  type: "",
  status: "",
  area: "",
  acquisition_date: "",
};

export function draftOf(item: Pick<Item, FieldName>): Draft {
  return Object.fromEntries(FIELD_NAMES.map((name) => [name, item[name] ?? ""])) as Draft;
}

export function fieldsOf(draft: Draft): ItemFields {
  const { acquisition_date: date, ...texts } = draft;
  return { ...texts, acquisition_date: date === "" ? null : date };
}

export function changedFields(from: Draft, to: Draft): FieldName[] {
  return FIELD_NAMES.filter((name) => from[name] !== to[name]);
}

/* The PATCH body that turns `from` into `to`; undefined: nothing to do. */
export function patchOf(from: Draft, to: Draft): ItemPatch | undefined {
  const names = changedFields(from, to);
  if (names.length === 0) return undefined;
  const fields = fieldsOf(to);
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

export type Side = "mine" | "theirs";

/* The side that changed a field; where both did, mine, for the user to decide. */
export function proposeSides(base: Draft, mine: Draft): Record<FieldName, Side> {
  return Object.fromEntries(
    FIELD_NAMES.map((name) => [name, mine[name] === base[name] ? "theirs" : "mine"]),
  ) as Record<FieldName, Side>;
}

export function mergeSides(mine: Draft, theirs: Draft, sides: Record<FieldName, Side>): Draft {
  return Object.fromEntries(
    FIELD_NAMES.map((name) => [name, sides[name] === "mine" ? mine[name] : theirs[name]]),
  ) as Draft;
}
