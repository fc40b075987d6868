import { describe, expect, it } from "vitest";
import { decodeText, readRows, separatorOf, writeRows } from "./text";

const cells = (text: string) => readRows(text).map((one) => one.cells);
const bytes = (...values: number[]) => new Uint8Array(values).buffer;

describe("what is written", () => {
  it("follows RFC 4180, with a BOM before the first part only", () => {
    const rows = [
      ["a", 'say "x"'],
      ["b,c", "two\nlines"],
    ];
    expect(writeRows(rows, ",", true)).toBe('\uFEFFa,"say ""x"""\r\n"b,c","two\nlines"\r\n');
    expect(writeRows([["a;b", "c,d"]], ";", false)).toBe('"a;b";c,d\r\n');
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "''-1"])("is no formula: %j", (value) => {
    const text = writeRows([[value, "x"]], ",", false);
    expect(text).toMatch(/^"?'/);
    expect(cells(text)).toEqual([[value, "x"]]);
  });

  it.each(["'quoted'", "O'Neill", "a=b", "", " x ", "ñandú", '"', "a\r\nb"])(
    "comes back as it was: %j",
    (value) => {
      const text = writeRows([["first", value]], ";", false);
      expect(cells(text)).toEqual([["first", value]]);
    },
  );

  it("has the separator of the region", () => {
    expect(separatorOf("es-ES")).toBe(";");
    expect(separatorOf("es-MX")).toBe(",");
    expect(separatorOf("en-GB")).toBe(",");
  });
});

describe("what is read", () => {
  it.each([
    ["commas, CRLF", "code,area\r\nA,B\r\n"],
    ["semicolons", "code;area\nA;B\n"],
    ["tabs", "code\tarea\nA\tB"],
    ["quotes", '"code","area"\r\n"A","B"\r\n'],
    ["empty lines", "code,area\r\n\r\nA,B\r\n,\r\n"],
  ])("may use %s", (_what, text) => {
    expect(cells(text)).toEqual([
      ["code", "area"],
      ["A", "B"],
    ]);
  });

  it("counts rows as a spreadsheet does", () => {
    const rows = readRows('code\n\n"two\nlines"\nC\n');
    expect(rows.map(({ row }) => row)).toEqual([1, 3, 4]);
  });

  it("tells of quotes that do not close", () => {
    expect(readRows('code,area\nA,"B\n').map((one) => one.badQuotes)).toEqual([false, true]);
  });

  it("may be UTF-8 with or without a BOM, or what Excel saves", () => {
    const utf8 = { text: "ñ", encoding: "utf-8" };
    expect(decodeText(bytes(0xef, 0xbb, 0xbf, 0xc3, 0xb1))).toEqual(utf8);
    expect(decodeText(bytes(0xc3, 0xb1))).toEqual(utf8);
    expect(decodeText(bytes(0xf1))).toEqual({ text: "ñ", encoding: "windows-1252" });
  });
});
