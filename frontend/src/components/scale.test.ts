import { expect, it } from "vitest";
import { linePath, niceMax } from "./scale";

it("finds round numbers above all values", () => {
  expect([[], [0], [4], [5], [11], [99], [101], [41_000]].map(niceMax)).toEqual([
    4, 4, 4, 5, 20, 100, 200, 50_000,
  ]);
});

it("draws a line with gaps", () => {
  const points = [1, 2, null, 4].map((value, at) => ({ at, value }));
  const { line, area } = linePath(
    points,
    (at) => at,
    (value) => 10 - value,
    10,
  );
  expect(line).toBe("M0.0,9.0L1.0,8.0M3.0,6.0");
  expect(area).toBe("M0.0,10L0.0,9.0L1.0,8.0L1.0,10ZM3.0,10L3.0,6.0L3.0,10Z");
  expect(linePath([], Number, Number, 1)).toEqual({ line: "", area: "" });
});
