/* scale.ts - the arithmetic of charts. Pure. */

export interface Point {
  at: number;
  value: number | null; // null: a gap
}

/* A round number at or above every value, at least 4. */
export function niceMax(values: readonly number[]): number {
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  if (most <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((round) => round >= most) ?? most;
}

/* The paths of a line with gaps and of the area below it. */
export function linePath(
  points: readonly Point[],
  x: (at: number) => number,
  y: (value: number) => number,
  bottom: number,
): { line: string; area: string } {
  const line: string[] = [];
  const area: string[] = [];
  let run: string[] = [];
  let first = 0;
  let last = 0;
  const finish = () => {
    if (run.length > 0) {
      line.push(`M${run.join("L")}`);
      area.push(`M${first.toFixed(1)},${bottom}L${run.join("L")}L${last.toFixed(1)},${bottom}Z`);
    }
    run = [];
  };
  for (const { at, value } of points) {
    if (value === null) {
      finish();
      continue;
    }
    last = x(at);
    if (run.length === 0) first = last;
    run.push(`${last.toFixed(1)},${y(value).toFixed(1)}`);
  }
  finish();
  return { line: line.join(""), area: area.join("") };
}
