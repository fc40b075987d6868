import { describe, expect, it } from "vitest";
import { append, count, outages, rates, total, WINDOW_MS, type Sample } from "./history";

const sample = (at: number, outage = false): Sample => ({ at, pending: 0, rate: 0, outage });

describe("append", () => {
  it("forgets what left the window", () => {
    let samples: Sample[] = [];
    for (let at = 0; at <= 2 * WINDOW_MS; at += 1000) samples = append(samples, sample(at));
    expect(samples[0]?.at).toBe(WINDOW_MS);
    expect(samples.at(-1)?.at).toBe(2 * WINDOW_MS);
  });
});

describe("outages", () => {
  it("reach from the first sample that shows one to the first that does not", () => {
    const samples = [0, 1, 1, 0, 0, 1].map((down, at) => sample(at, down === 1));
    expect(outages(samples)).toEqual([
      { from: 1, to: 3 },
      { from: 5, to: 5 },
    ]);
  });

  it("are none without samples", () => {
    expect(outages([])).toEqual([]);
  });
});

describe("rates", () => {
  const instance = (name: string, requests: number) => ({
    instance: name,
    status: "Online",
    requests,
    last_seen: null,
  });

  it("count each instance; a new one begins at nothing, a restarted one anew", () => {
    const before = count([instance("a", 100), instance("b", 500)], 0);
    const after = count([instance("a", 140), instance("b", 20), instance("c", 9)], 2000);
    expect(rates(before, after)).toEqual({ a: 20, b: 10, c: 0 });
    expect(total(rates(before, after))).toBe(30);
    expect(rates(after, after)).toEqual({});
  });
});
