import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/problem";
import { createItem } from "../api/relevo";
import type { Created } from "../api/types";
import { item } from "../test/samples";
import { problem } from "../test/server";
import { AT_A_TIME, countOutcomes, importRows, resultsOf, type Result } from "./importRows";
import { readSheet } from "./rows";
import { readRows } from "./text";

vi.mock("../api/relevo");

function file(count: number): Result[] {
  const lines = Array.from({ length: count }, (_, n) => `C-${n},T,S,A`);
  return resultsOf(readSheet(readRows(["code,type,status,area", ...lines].join("\n"))).rows);
}

const created: Created = { source: "MySQL", status: "success", data: item({ id: 7 }) };
const keys = () => vi.mocked(createItem).mock.calls.map((call) => call[1]?.key);

async function run(results: Result[], signal = new AbortController().signal) {
  await importRows(
    [...results],
    (index, result) => {
      results[index] = result;
    },
    signal,
  );
  return results;
}

beforeEach(() => {
  vi.resetAllMocks();
  vi.mocked(createItem).mockResolvedValue(created);
});

describe("importRows", () => {
  it("sends each row once, a few at a time", async () => {
    let under = 0;
    let most = 0;
    vi.mocked(createItem).mockImplementation(async () => {
      most = Math.max(most, ++under);
      await Promise.resolve();
      under--;
      return created;
    });
    const results = await run(file(50));
    expect(most).toBe(AT_A_TIME);
    expect(new Set(keys()).size).toBe(50);
    expect(createItem).toHaveBeenCalledTimes(50);
    expect(countOutcomes(results)).toMatchObject({ created: 50, unsent: 0 });
  });

  it("tells rows that wait from those that are created, refused, or without an answer", async () => {
    const queued = { ...created, source: "REDIS_BACKUP", status: "pending" } as never;
    vi.mocked(createItem)
      .mockResolvedValueOnce(created)
      .mockResolvedValueOnce(queued)
      .mockRejectedValueOnce(new ApiError("http", 422, problem("invalid", 422), 1))
      .mockRejectedValueOnce(new ApiError("http", 503, problem("full", 503), 5));
    const results = await run(file(4));
    expect(results.map(({ outcome }) => outcome)).toEqual([
      "created",
      "pending",
      "refused",
      "failed",
    ]);
  });

  it.each([
    [409, "key-busy", "failed"],
    [408, "slow", "failed"],
    [429, "many", "failed"],
    [409, "dead-letter", "refused"],
    [413, "too-large", "refused"],
  ])("after %d %s a row is %s", async (status, code, outcome) => {
    vi.mocked(createItem).mockRejectedValueOnce(
      new ApiError("http", status, problem(code, status), 1),
    );
    const results = await run(file(1));
    expect(results.map((one) => one.outcome)).toEqual([outcome]);
    await run(results);
    expect(createItem).toHaveBeenCalledTimes(outcome === "failed" ? 2 : 1);
  });

  it("repeats what had no answer under the same key, and nothing else", async () => {
    vi.mocked(createItem).mockRejectedValueOnce(new ApiError("network", undefined, undefined, 5));
    const results = await run(file(3));
    const [lost] = keys();
    await run(results);
    expect(keys().slice(3)).toEqual([lost]);
    expect(countOutcomes(results)).toMatchObject({ created: 3, failed: 0 });
  });

  it("sends nothing more once it is stopped, and goes on from there", async () => {
    const call = new AbortController();
    vi.mocked(createItem).mockImplementation(() => {
      if (vi.mocked(createItem).mock.calls.length === 10) call.abort();
      return Promise.resolve(created);
    });
    const results = await run(file(50), call.signal);
    const { created: sent, unsent } = countOutcomes(results);
    expect(sent).toBeLessThan(10 + AT_A_TIME);
    expect(sent + unsent).toBe(50);
    await run(results);
    expect(countOutcomes(results).created).toBe(50);
    expect(new Set(keys()).size).toBe(50);
  });

  it("stops at a refusal that all rows would meet", async () => {
    const refusal = new ApiError("http", 403, problem("scope", 403), 1);
    vi.mocked(createItem).mockRejectedValue(refusal);
    const results = file(50);
    await expect(run(results)).rejects.toBe(refusal);
    expect(vi.mocked(createItem).mock.calls.length).toBeLessThanOrEqual(AT_A_TIME);
    expect(countOutcomes(results).unsent).toBe(50);
  });

  it("does not send rows with faults", async () => {
    const results = resultsOf(
      readSheet(readRows("code,type,status,area\nA,B,C,D\n,B,C,D\nA,B\n")).rows,
    );
    await run(results);
    expect(createItem).toHaveBeenCalledTimes(1);
    expect(countOutcomes(results)).toMatchObject({ created: 1, faulty: 2 });
  });
});
