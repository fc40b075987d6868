/* derive.ts - what the panel shows, from what the daemon says. Pure. */
import type { Health, SyncStatus } from "../api/types";
import type { LiveState } from "./live";

export type Overall = "healthy" | "degraded" | "error" | "stopping" | "unknown";
export type Severity = "success" | "warning" | "error" | "default";

export function overallOf(state: LiveState): Overall {
  if (state.connection === "disconnected" || state.connection === "unauthorized") return "unknown";
  return state.health?.status ?? "unknown";
}

export const SEVERITY: Record<Overall, Severity> = {
  healthy: "success",
  degraded: "warning",
  error: "error",
  stopping: "warning",
  unknown: "default",
};

export function pendingOf(sync: SyncStatus): number {
  return sync.pending_creates + sync.pending_updates + sync.pending_deletes;
}

/* Is MySQL or Redis down? */
export function isOutage(health: Health): boolean {
  return !health.mysql || !health.redis;
}

/* Share of a running drain that is done, 0 to 100; undefined: none runs. */
export function drainPercent(sync: SyncStatus | undefined): number | undefined {
  if (sync === undefined || !sync.drain.running || sync.drain.total === 0) return undefined;
  return Math.min(100, (100 * sync.drain.done) / sync.drain.total);
}
