import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { i18n } from "../i18n";
import { en } from "../i18n/en";
import { es } from "../i18n/es";
import { problem } from "../test/server";
import { ApiError, describeError, describeFieldError, problemOf, toApiError } from "./problem";

const http = (code: string, status: number) =>
  new ApiError("http", status, problem(code, status), 1);

beforeAll(() => i18n.changeLanguage("es"));
afterEach(() => i18n.changeLanguage("es"));

describe("describeError", () => {
  it("has words of its own for known problems, in both languages", async () => {
    expect(describeError(http("busy", 409), i18n.t)).toBe("Ya hay una sincronización en marcha.");
    await i18n.changeLanguage("en");
    expect(describeError(http("busy", 409), i18n.t)).toBe("A sync is running already.");
  });

  it("says what was wrong with a request where only the detail knows", () => {
    expect(describeError(http("refused", 422), i18n.t)).toBe("MySQL rechazó los valores: refused!");
  });

  it("shows the detail of others, and at least the status", () => {
    expect(describeError(http("new-one", 422), i18n.t)).toBe("new-one!");
    const bare = new ApiError("http", 500, undefined, 1);
    expect(describeError(bare, i18n.t)).toBe("El servidor respondió con el error 500.");
  });

  it("tells network and time-out apart", () => {
    const failure = (kind: "network" | "timeout") => new ApiError(kind, undefined, undefined, 5);
    expect(describeError(failure("network"), i18n.t)).toBe("No se pudo llegar al servidor.");
    expect(describeError(failure("timeout"), i18n.t)).toBe("El servidor no respondió a tiempo.");
  });
});

describe("the types of problems", () => {
  const top = join(dirname(fileURLToPath(import.meta.url)), "../../..");
  const folder = join(top, "src/http");
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .map((name) => readFileSync(join(folder, name), "utf8"));

  /* The rows of the daemon's tables, and types that are written out. */
  const sent = new Set(
    sources.flatMap((text) => {
      const rows = text.matchAll(/\[(?:ERR|PROBLEM)_\w+\]\s*=\s*{\s*\d+,\s*\d+,\s*"([^"]+)"/g);
      const whole = text.matchAll(/urn:relevo:problem:([a-z-]+)/g);
      return [...rows, ...whole].map(([, type]) => type ?? "");
    }),
  );

  it.each([
    ["Spanish", es],
    ["English", en],
  ])("have words in %s, and no other has", (_name, { error }) => {
    expect(sent.size).toBeGreaterThan(20);
    expect(Object.keys(error.problem).sort()).toEqual([...sent].sort());
  });

  it("are the only ones in the examples of the description", () => {
    const text = readFileSync(join(top, "docs/openapi.json"), "utf8");
    const shown = [...text.matchAll(/"urn:relevo:problem:([a-z-]+)"/g)].map(([, type]) => type);
    expect(shown).not.toEqual([]);
    expect(shown.filter((type) => !sent.has(type ?? ""))).toEqual([]);
  });
});

it("translates the messages of fields", () => {
  expect(describeFieldError("must have 1 to 50 characters", i18n.t)).toBe(
    "Debe tener de 1 a 50 caracteres",
  );
  expect(describeFieldError("required", i18n.t)).toBe("Obligatorio");
  expect(describeFieldError("must be a real date YYYY-MM-DD or null", i18n.t)).toMatch(
    /fecha real/,
  );
  expect(describeFieldError("something new", i18n.t)).toBe("something new");
});

it("reads problems as objects and as text, and nothing else", () => {
  const document = problem("x", 400);
  expect(problemOf(document)).toBe(document);
  expect(problemOf(JSON.stringify(document))).toEqual(document);
  for (const other of ["<html>", "[]", null, undefined, { status: 400 }, 5]) {
    expect(problemOf(other)).toBeUndefined();
  }
});

it("passes an ApiError through", () => {
  const error = http("busy", 409);
  expect(toApiError(error)).toBe(error);
  expect(toApiError(new Error("x")).kind).toBe("network");
});
