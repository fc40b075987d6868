/* setup.ts - before each test file. */
import "@testing-library/jest-dom/vitest";
import { webcrypto } from "node:crypto";
import { afterEach } from "vitest";

// Node 18 has it, but not under this name.
if (!("crypto" in globalThis)) Object.assign(globalThis, { crypto: webcrypto });

if (typeof document !== "undefined") {
  const { cleanup, configure } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: 5_000, getElementError: (text) => new Error(text ?? "not found") });
  afterEach(cleanup);
}
