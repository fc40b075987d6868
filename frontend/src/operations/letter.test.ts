import { expect, it } from "vitest";
import { letter } from "../test/samples";
import { compare, isEditable, letterDraft, retryBody, whyOf } from "./letter";

it("begins with what the operation wanted, else with what it met", () => {
  expect(letterDraft(letter())).toMatchObject({ area: "Sala 2", code: "PC-01" });
  expect(letterDraft(letter({ data: null, base: null, current: null })).code).toBe("");
});

it("puts an overwritten row's values back", () => {
  const lost = letter({ kind: "overwritten", data: null });
  expect(letterDraft(lost).area).toBe("Taller");
  const edited = { ...letterDraft(lost), area: "Sala 9" };
  expect(retryBody(lost, edited)).toMatchObject({ code: "PC-01", area: "Sala 9" });
});

it("sends no body when nothing was edited, else the operation's fields and the edited ones", () => {
  const one = letter();
  const draft = letterDraft(one);
  expect(retryBody(one, draft)).toBeUndefined();
  expect(retryBody(one, { ...draft, status: "Baja" })).toEqual({ area: "Sala 2", status: "Baja" });
  expect(retryBody(one, { ...draft, acquisition_date: "" })).toEqual({
    area: "Sala 2",
    acquisition_date: null,
  });
});

it("has nothing to edit in a delete", () => {
  expect(isEditable(letter({ kind: "delete" }))).toBe(false);
  expect(isEditable(letter())).toBe(true);
});

it("compares the fields that any side knows", () => {
  const only = letter({ base: null, current: null, data: { area: null, extra: 1 } });
  expect(compare(only)).toEqual([
    { name: "area", values: { data: null, base: undefined, current: undefined } },
  ]);
  expect(compare(letter({ data: null, base: null, current: null }))).toEqual([]);
});

it("tells who won a conflict", () => {
  expect(whyOf(letter())).toBe("conflict");
  expect(whyOf(letter({ kind: "overwritten" }))).toBe("overwritten");
  expect(whyOf(letter({ kind: "delete", reason: "refused" }))).toBe("refused");
});
