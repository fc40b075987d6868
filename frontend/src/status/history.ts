/* history.ts - the last minutes, for the chart: what was pending, requests per second, outages. */
import type { Instance } from "../api/types";

export const WINDOW_MS = 5 * 60_000;
export const STEP_MS = 2_000;

export interface Sample {
  at: number;
  pending: number | null; // null: we were disconnected
  rate: number | null; // requests per second, of all instances; null: unknown
  outage: boolean; // MySQL or Redis was down
}

/* The samples with one more, without those that have left the window. */
export function append(samples: readonly Sample[], sample: Sample): Sample[] {
  const from = sample.at - WINDOW_MS;
  return [...samples.filter((old) => old.at >= from && old.at < sample.at), sample];
}

/* Stretches of time during which a server was down. */
export function outages(samples: readonly Sample[]): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let open: { from: number; to: number } | undefined;
  for (const sample of samples) {
    if (open !== undefined) open.to = sample.at;
    if (sample.outage && open === undefined) {
      open = { from: sample.at, to: sample.at };
      found.push(open);
    } else if (!sample.outage) {
      open = undefined;
    }
  }
  return found;
}

export interface Counted {
  at: number;
  requests: Record<string, number>;
}

export function count(instances: readonly Instance[], at: number): Counted {
  return {
    at,
    requests: Object.fromEntries(instances.map((one) => [one.instance, one.requests])),
  };
}

/* Requests per second of each instance between two counts. A counter that went back began anew. */
export function rates(before: Counted, after: Counted): Record<string, number> {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0) return {};
  return Object.fromEntries(
    Object.entries(after.requests).map(([name, requests]) => {
      const known = before.requests[name];
      const grown = known === undefined ? 0 : requests >= known ? requests - known : requests;
      return [name, grown / seconds];
    }),
  );
}

export function total(each: Record<string, number>): number {
  return Object.values(each).reduce((sum, one) => sum + one, 0);
}
