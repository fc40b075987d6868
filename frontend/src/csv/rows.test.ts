import { expect, it } from "vitest";
import { isReady, readSheet } from "./rows";
import { readRows, writeRows } from "./text";

const sheet = (...lines: string[]) => readSheet(readRows(lines.join("\r\n")));
const HEAD = "code,type,status,area,acquisition_date";
const faults = (line: string) => sheet(HEAD, line).rows[0]?.faults;

it("takes the columns by their name in any of our languages, in any order", () => {
  for (const head of [
    "area,status,type,code",
    "Área;Estado;Tipo;Código",
    "AREA,Status,Type,Code",
    " area , estado , tipo , codigo ",
  ]) {
    const separator = head.includes(";") ? ";" : ",";
    const { rows, missing } = sheet(head, ["A", "S", "T", "C"].join(separator));
    expect(missing).toEqual([]);
    expect(rows[0]?.draft).toMatchObject({ code: "C", type: "T", status: "S", area: "A" });
  }
});

it("names columns that are missing, there twice, or of no use", () => {
  const found = sheet("code,code,color,id,updated_at,", "a,b,c,1,2,");
  expect(found.missing).toEqual(["type", "status", "area"]);
  expect(found.twice).toEqual(["code"]);
  expect(found.ignored).toEqual(["color"]);
});

it("takes texts as they were exported, blanks and all, and only the date without", () => {
  const texts = [" ", "\t=1", "  two  ", "x\n"];
  const file = writeRows([HEAD.split(","), [...texts, " 2024-01-31 "]], ",", false);
  const [row] = readSheet(readRows(file)).rows;
  expect(row?.faults).toEqual([]);
  expect(Object.values(row?.draft ?? {})).toEqual([...texts, "2024-01-31"]);
});

it("needs no date", () => {
  expect(faults("A,B,C,D,")).toEqual([]);
  expect(sheet("code,type,status,area", "A,B,C,D").rows[0]?.draft.acquisition_date).toBe("");
});

it.each([
  ["A,B,C,D,2024-02-30", ["acquisition_date"]],
  ["A,B,C,D,15/01/2024", ["acquisition_date"]],
  [",B,C,D,2024-02-29", ["code"]],
  [`${"x".repeat(51)},B,C,${"x".repeat(101)},`, ["code", "area"]],
  [`${"😀".repeat(50)},B,C,D,`, []],
])("judges %s as the server would", (line, fields) => {
  expect(faults(line)?.map(({ field }) => field)).toEqual(fields);
});

it("does not guess at rows with another number of cells", () => {
  const { rows, columns } = sheet(HEAD, "A,B,C", "A,B,C,D,,E", "A,B,C,D,");
  expect(columns).toBe(5);
  expect(rows.map(({ cells }) => cells)).toEqual([3, 6, undefined]);
  expect(rows.map(isReady)).toEqual([false, false, true]);
});
