import { describe, expect, it } from "vitest";
import { pickLanguage } from "./index";
import { en } from "./en";
import { es } from "./es";
import { makeFormats } from "./format";

type Tree = string | { [key: string]: Tree };

function* leaves(tree: Tree, path = ""): Generator<[string, string]> {
  if (typeof tree === "string") yield [path, tree];
  else for (const [key, value] of Object.entries(tree)) yield* leaves(value, `${path}.${key}`);
}

describe("the languages", () => {
  it("fill in the same places", () => {
    const places = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort();
    const english = new Map(leaves(en));
    for (const [path, text] of leaves(es)) {
      expect(places(english.get(path) ?? ""), path).toEqual(places(text));
      expect(text, path).not.toBe("");
    }
  });

  it.each([
    [null, ["es-MX", "en"], "es"],
    [null, ["fr", "en-GB", "es"], "en"],
    [null, ["fr"], "en"],
    [null, [], "en"],
    ["es", ["en"], "es"],
    ["xx", ["es"], "es"],
  ])("of %j and %j is chosen %s", (stored, wanted, chosen) => {
    expect(pickLanguage(stored, wanted)).toBe(chosen);
  });
});

it("formats as the language does", () => {
  expect(makeFormats("en").number(1234567.5)).toBe("1,234,567.5");
  expect(makeFormats("es").rate(12.34)).toBe("12,3");
  expect(makeFormats("en").duration(999)).toBe("999 ms");
  expect(makeFormats("en").duration(1500)).toBe("1.5 s");
  expect(makeFormats("en").date("2024-01-01")).toBe("Jan 1, 2024");
  expect(makeFormats("en").date("whenever")).toBe("whenever");
});
