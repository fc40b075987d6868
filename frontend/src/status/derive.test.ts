import { expect, it } from "vitest";
import { health, sync } from "../test/samples";
import { drainPercent, isOutage, overallOf, pendingOf } from "./derive";

it("knows nothing of the system while disconnected", () => {
  const known = { health: health(), sync: sync() };
  expect(overallOf({ connection: "stream", ...known })).toBe("healthy");
  expect(overallOf({ connection: "disconnected", ...known })).toBe("unknown");
  expect(overallOf({ connection: "connecting" })).toBe("unknown");
});

it("adds up what is pending", () => {
  expect(pendingOf(sync({ pending_creates: 1, pending_updates: 2, pending_deletes: 4 }))).toBe(7);
});

it("sees an outage of either server", () => {
  expect([health(), health({ mysql: false }), health({ redis: false })].map(isOutage)).toEqual([
    false,
    true,
    true,
  ]);
});

it("gives the share of a running drain", () => {
  const drain = (running: boolean, done: number, total: number) =>
    drainPercent(sync({ drain: { running, done, total } }));
  expect(drain(true, 1, 4)).toBe(25);
  expect(drain(true, 9, 4)).toBe(100);
  expect(drain(true, 0, 0)).toBeUndefined();
  expect(drain(false, 1, 4)).toBeUndefined();
  expect(drainPercent(undefined)).toBeUndefined();
});
