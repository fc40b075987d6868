/* text.ts - CSV as text: what spreadsheets write and read. Pure.
 *
 * A spreadsheet takes a cell that begins with = + - @ or a tab for a formula, which may send data
 * away. Such a cell is written with an apostrophe before it, and so is one whose apostrophes would
 * look like ours; reading takes one off again, so that what was exported comes back as it was.
 */
import Papa from "papaparse";

const FORMULA = /^'*[=+\-@\t\r]/;
const GUARDED = /^'+[=+\-@\t\r]/;
const BOM = "\uFEFF";

export type Separator = "," | ";";

/* What the spreadsheets of a region expect: a semicolon where the comma is in the numbers. */
export function separatorOf(locale: string | undefined): Separator {
  return new Intl.NumberFormat(locale).format(1.5).includes(",") ? ";" : ",";
}

/* Lines with their ends (RFC 4180). The first of a file begins with a BOM: Excel takes the text for
 * UTF-8 by that only. */
export function writeRows(rows: readonly string[][], separator: Separator, first: boolean): string {
  const text = Papa.unparse(rows as string[][], {
    delimiter: separator,
    newline: "\r\n",
    escapeFormulae: FORMULA,
  });
  return `${first ? BOM : ""}${text}\r\n`;
}

function unguard(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}

export interface Decoded {
  text: string;
  encoding: "utf-8" | "windows-1252"; // the second is a guess
}

/* UTF-8, or what Excel saves as plain "CSV" in western Europe and America. */
export function decodeText(bytes: ArrayBuffer): Decoded {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "windows-1252" };
  }
}

export interface CsvRecord {
  row: number; // as a spreadsheet counts them, from 1
  cells: string[];
  badQuotes: boolean;
}

/* The one that makes the most of the head. */
function separatorIn(text: string): string {
  const head = text.trimStart();
  const width = (delimiter: string) =>
    Papa.parse<string[]>(head, { delimiter, preview: 1 }).data[0]?.length ?? 0;
  return [",", ";", "\t"].reduce((best, one) => (width(one) > width(best) ? one : best));
}

/* The rows that are not empty; comma, semicolon or tab, whichever the text uses. */
export function readRows(text: string): CsvRecord[] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: separatorIn(text) });
  const bad = new Set(errors.filter(({ type }) => type === "Quotes").map(({ row }) => row));
  return data
    .map((cells, index) => ({
      row: index + 1,
      cells: cells.map(unguard),
      badQuotes: bad.has(index),
    }))
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
}
