import { describe, expect, it } from "vitest";
import { pending } from "../test/samples";
import { changesOf, codeOf } from "./pending";

describe("what a waiting operation changes", () => {
  it("is what an update names, from what it was based on", () => {
    expect(changesOf(pending())).toEqual([{ name: "area", from: "Sala 1", to: "Sala 2" }]);
    expect(changesOf(pending({ base: null }))).toEqual([
      { name: "area", from: undefined, to: "Sala 2" },
    ]);
  });

  it("may be that a date goes", () => {
    expect(changesOf(pending({ data: { acquisition_date: null } }))).toEqual([
      { name: "acquisition_date", from: "2024-01-01", to: undefined },
    ]);
  });

  it("is everything for a delete, and nothing where the item is not known", () => {
    expect(changesOf(pending({ kind: "delete", data: null }))).toHaveLength(5);
    expect(changesOf(pending({ kind: "delete", data: null, base: null }))).toEqual([]);
    expect(codeOf(pending({ kind: "delete", data: null, base: null }))).toBeUndefined();
  });
});
