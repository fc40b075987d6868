/* describe.ts - what is to be said of a row: its faults, or why the server refused it. */
import type { TFunction } from "i18next";
import { describeError, describeFieldError } from "../api/problem";
import { FIELD_NAMES, type FieldName } from "../api/types";
import type { Result } from "./importRows";
import type { ImportRow } from "./rows";

function isField(name: string): name is FieldName {
  return (FIELD_NAMES as readonly string[]).includes(name);
}

function fieldText(field: string, message: string, t: TFunction): string {
  const text = describeFieldError(message, t);
  if (field === "") return text;
  return `${isField(field) ? t(`field.${field}`) : field}: ${text}`;
}

export function describeFaults(row: ImportRow, columns: number, t: TFunction): string {
  if (row.badQuotes) return t("csv.quotes");
  if (row.cells !== undefined) return t("csv.cells", { count: row.cells, wanted: columns });
  return row.faults.map(({ field = "", message }) => fieldText(field, message, t)).join("; ");
}

export function describeResult({ outcome, row, error }: Result, columns: number, t: TFunction) {
  if (outcome === "faulty") return describeFaults(row, columns, t);
  if (error === undefined) return "";
  const fields = Object.entries(error.fieldErrors);
  if (fields.length === 0) return describeError(error, t);
  return fields.map(([field, message]) => fieldText(field, message, t)).join("; ");
}
