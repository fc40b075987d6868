import { describe, expect, it } from "vitest";
import { backoff, parseRetryAfter, RETRIES, RETRY_AFTER_MAX_MS, retryDelay } from "./retry";

describe("backoff", () => {
  it("doubles its bound up to the cap", () => {
    const bounds = [0, 1, 2, 3, 4, 5, 20].map((n) => backoff(n, () => 1));
    expect(bounds).toEqual([300, 600, 1200, 2400, 4800, 5000, 5000]);
  });

  it("has full jitter: anything from nothing to the bound", () => {
    expect(backoff(3, () => 0)).toBe(0);
    expect(backoff(3, () => 0.5)).toBe(1200);
  });
});

describe("parseRetryAfter", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  it.each([
    ["2", 2000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j is %j", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe("retryDelay", () => {
  const delay = (failure: Parameters<typeof retryDelay>[0], attempt = 0) =>
    retryDelay(failure, attempt, () => 1, 0);

  it.each([undefined, 502, 503, 504])("repeats after %s", (status) => {
    expect(delay({ status })).toBe(300);
  });

  it.each([400, 401, 403, 404, 409, 412, 422, 500])("does not repeat after %s", (status) => {
    expect(delay({ status })).toBeUndefined();
  });

  it("repeats while its own first attempt is in progress", () => {
    expect(delay({ status: 409, problemType: "urn:relevo:problem:key-busy" })).toBe(300);
    expect(delay({ status: 409, problemType: "urn:relevo:problem:busy" })).toBeUndefined();
  });

  it("waits as long as the server asks, with jitter on top", () => {
    expect(delay({ status: 503, retryAfter: "2" })).toBe(2300);
  });

  it("gives up when asked to wait too long, and after the last attempt", () => {
    const tooLong = String(RETRY_AFTER_MAX_MS / 1000 + 1);
    expect(delay({ status: 503, retryAfter: tooLong })).toBeUndefined();
    expect(delay({ status: 503 }, RETRIES - 1)).toBe(2400);
    expect(delay({ status: 503 }, RETRIES)).toBeUndefined();
  });
});
