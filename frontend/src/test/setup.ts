/* setup.ts - before each test file. */
import "@testing-library/jest-dom/vitest";
import { afterEach } from "vitest";

if (typeof document !== "undefined") {
  const { cleanup, configure } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: 5_000, getElementError: (text) => new Error(text ?? "not found") });
  afterEach(cleanup);
}
