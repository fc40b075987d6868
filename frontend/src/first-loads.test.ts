// @vitest-environment node
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { sizesOf } from "../first-loads";

/* Text that gzip cannot shorten by much: 1000 bytes of it are about 1000. */
const text = (bytes: number) => randomBytes((bytes * 3) / 4).toString("base64");

const chunk = (code: string, imports: string[] = [], dynamicImports: string[] = []) => ({
  type: "chunk" as const,
  code,
  isEntry: false,
  imports,
  dynamicImports,
});

it("counts for each page what is loaded with it, once", () => {
  const sizes = sizesOf({
    "index.html": { type: "asset", source: text(500) },
    "main.js": { ...chunk(text(4000), ["base.js"], ["items.js", "other.js"]), isEntry: true },
    "base.js": chunk(text(8000)),
    "items.js": chunk(text(2000), ["base.js", "shared.js"], ["later.js"]),
    "shared.js": chunk(text(1000)),
    "other.js": chunk(text(100)),
    "later.js": chunk(text(50_000)),
  });
  expect([...sizes.keys()]).toEqual(["", "items.js", "other.js"]);
  const first = sizes.get("") ?? 0;
  expect(first).toBeGreaterThan(9_000);
  expect(first).toBeLessThan(13_500);
  expect((sizes.get("items.js") ?? 0) - first).toBeGreaterThan(2_000);
  expect((sizes.get("items.js") ?? 0) - first).toBeLessThan(3_500);
  expect((sizes.get("other.js") ?? 0) - first).toBeLessThan(200);
});
