/* retry.ts - when a request is sent again, and how long to wait before. Pure. */

export const RETRIES = 4;
const BASE_MS = 300;
const CAP_MS = 5_000;
/* A server that asks for a longer pause is not waited for: the user is told instead. */
export const RETRY_AFTER_MAX_MS = 30_000;

/* Exponential backoff with full jitter: anything from nothing to the doubled bound. */
export function backoff(
  attempt: number,
  random: () => number,
  base = BASE_MS,
  cap = CAP_MS,
): number {
  return random() * Math.min(cap, base * 2 ** attempt);
}

/* The milliseconds of a Retry-After header: seconds, or a date. */
export function parseRetryAfter(value: unknown, now: number): number | undefined {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export interface Failure {
  status?: number; // undefined: no answer at all
  problemType?: string;
  retryAfter?: unknown;
}

/* 409 with key-busy: our own request, repeated while the first one is still being served. */
function isTransient(failure: Failure): boolean {
  const { status, problemType } = failure;
  if (status === undefined) return true;
  if (status === 409) return problemType === "urn:relevo:problem:key-busy";
  return status === 502 || status === 503 || status === 504;
}

/* Milliseconds to wait before attempt number `attempt` + 1, or undefined: give up. */
export function retryDelay(
  failure: Failure,
  attempt: number,
  random: () => number = Math.random,
  now: number = Date.now(),
): number | undefined {
  if (attempt >= RETRIES || !isTransient(failure)) return undefined;
  const wait = backoff(attempt, random);
  const asked = parseRetryAfter(failure.retryAfter, now);
  if (asked === undefined) return wait;
  // Jitter on top, so that not all that were told the same come back together.
  return asked > RETRY_AFTER_MAX_MS ? undefined : asked + wait;
}
