import { describe, expect, it } from "vitest";
import { item } from "../test/samples";
import { changedFields, draftOf, fieldsOf, mergeSides, patchOf, proposeSides } from "./merge";

const base = draftOf(item());

it("turns items into drafts and back", () => {
  expect(draftOf(item({ acquisition_date: null, area: null }))).toMatchObject({
    acquisition_date: "",
    area: "",
  });
  expect(fieldsOf({ ...base, acquisition_date: "" }).acquisition_date).toBeNull();
  expect(fieldsOf(base)).toEqual({
    code: "PC-01",
    type: "Computadora",
    status: "Operativa",
    area: "Sala 1",
    acquisition_date: "2024-01-01",
  });
});

it("patches only what changed", () => {
  expect(patchOf(base, base)).toBeUndefined();
  expect(patchOf(base, { ...base, area: "Sala 2" })).toEqual({ area: "Sala 2" });
  expect(patchOf(base, { ...base, acquisition_date: "" })).toEqual({ acquisition_date: null });
});

describe("three-way merge", () => {
  const mine = { ...base, area: "mine", status: "mine" };
  const theirs = { ...base, area: "theirs", type: "theirs" };

  it("takes each side's own changes, and mine where both changed a field", () => {
    const sides = proposeSides(base, mine);
    expect(mergeSides(mine, theirs, sides)).toEqual({
      ...base,
      area: "mine",
      status: "mine",
      type: "theirs",
    });
  });

  it("takes what is chosen", () => {
    const sides = { ...proposeSides(base, mine), area: "theirs" as const };
    expect(mergeSides(mine, theirs, sides).area).toBe("theirs");
    expect(changedFields(base, mergeSides(mine, theirs, sides))).toEqual([
      "type",
      "status",
      "area",
    ]);
  });
});
