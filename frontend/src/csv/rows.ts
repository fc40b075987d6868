/* rows.ts - what a CSV file says of items: its columns, and the faults of its rows. Pure. */
import { FIELD_NAMES, type FieldName } from "../api/types";
import { en } from "../i18n/en";
import { es } from "../i18n/es";
import { EMPTY_DRAFT, type Draft } from "../items/merge";
import type { CsvRecord } from "./text";

/* Of an export, and of no use to a new item. */
const OTHERS = ["id", "version", "updated_at", "pending"];
const REQUIRED = FIELD_NAMES.filter((name) => name !== "acquisition_date");
const MOST: Record<FieldName, number> = {
  code: 50,
  type: 50,
  status: 50,
  area: 100,
  acquisition_date: 10,
};

/* In the words of the API, which describeFieldError knows. */
export interface Fault {
  field: FieldName | undefined;
  message: string;
}

export interface ImportRow {
  row: number;
  draft: Draft;
  faults: Fault[];
  cells?: number; // it has so many, which is not what the head has
  badQuotes: boolean;
}

export interface Sheet {
  rows: ImportRow[];
  columns: number;
  missing: string[];
  twice: string[];
  ignored: string[];
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").trim().toLowerCase();
}

const FIELD_OF = new Map<string, FieldName>(
  FIELD_NAMES.flatMap((name) =>
    [name, es.field[name], en.field[name]].map((title) => [plain(title), name] as const),
  ),
);
FIELD_OF.set(plain(es.field.acquisition_short), "acquisition_date");
FIELD_OF.set(plain(en.field.acquisition_short), "acquisition_date");

function isRealDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text) &&
    !Number.isNaN(date.getTime()) &&
    date.toISOString().startsWith(text)
  );
}

function faultOf(name: FieldName, value: string): string | undefined {
  if (name === "acquisition_date") {
    return value === "" || isRealDate(value) ? undefined : "must be a real date";
  }
  // Unicode characters, as the server counts them.
  const length = Array.from(value).length;
  if (length === 0) return "required";
  return length > MOST[name] ? `must have 1 to ${MOST[name]} characters` : undefined;
}

function readRow(record: CsvRecord, columns: (FieldName | undefined)[]): ImportRow {
  const { row, cells, badQuotes } = record;
  const draft = { ...EMPTY_DRAFT };
  columns.forEach((name, index) => {
    if (name === undefined) return;
    // Blanks belong to a text, so that an exported one comes back as it was.
    const cell = cells[index] ?? "";
    draft[name] = name === "acquisition_date" ? cell.trim() : cell;
  });
  const faults = FIELD_NAMES.flatMap((field) => {
    const message = faultOf(field, draft[field]);
    return message === undefined ? [] : [{ field, message }];
  });
  const full = cells.length === columns.length;
  return { row, draft, faults, badQuotes, ...(full ? {} : { cells: cells.length }) };
}

export function readSheet([head, ...records]: CsvRecord[]): Sheet {
  const titles = head?.cells ?? [];
  const columns = titles.map((title) => FIELD_OF.get(plain(title)));
  const known = columns.filter((name) => name !== undefined);
  const ignored = titles.filter(
    (title, index) => columns[index] === undefined && !OTHERS.includes(plain(title)),
  );
  return {
    rows: records.map((record) => readRow(record, columns)),
    columns: titles.length,
    missing: REQUIRED.filter((name) => !known.includes(name)),
    twice: [...new Set(known.filter((name, index) => known.indexOf(name) !== index))],
    ignored: ignored.map((title) => title.trim()).filter((title) => title !== ""),
  };
}

export function isReady({ faults, cells, badQuotes }: ImportRow): boolean {
  return faults.length === 0 && cells === undefined && !badQuotes;
}
