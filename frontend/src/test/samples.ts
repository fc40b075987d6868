/* samples.ts - answers of a daemon, as tests need them. */
import type { DeadLetter, Health, Item, PendingOperation, SyncStatus } from "../api/types";

export const OPERATION = "0197f3a2-5b1c-7d3e-8f00-1a2b3c4d5e6f";
export const TIME = "2026-01-31T12:00:00.123456Z";

export function item(change: Partial<Item> = {}): Item {
  return {
    id: 1,
    code: "PC-01",
    type: "Computadora",
    status: "Operativa",
    area: "Sala 1",
    acquisition_date: "2024-01-01",
    version: 1,
    updated_at: TIME,
    ...change,
  };
}

export function health(change: Partial<Health> = {}): Health {
  return {
    status: "healthy",
    mysql: true,
    redis: true,
    hostname: "lab-1",
    port: 8000,
    version: "0.1.0",
    uptime_seconds: 60,
    mode: "online",
    durability: "always",
    ...change,
  };
}

export function sync(change: Partial<SyncStatus> = {}): SyncStatus {
  return {
    mysql_available: true,
    redis_available: true,
    cache_items: 1234,
    pending_creates: 0,
    pending_updates: 0,
    pending_deletes: 0,
    is_consistent: true,
    consistency_details: { is_valid: true, items_count: 1234, hash_match: true },
    status: "synced",
    mode: "online",
    dead_letters: 0,
    conflicts: 0,
    last_sync: { at: TIME, duration_ms: 12, deletes: 0, updates: 0, creates: 0, rebuilt: false },
    rebuilds_total: 3,
    instances: 2,
    drain: { running: false, done: 0, total: 0 },
    ...change,
  };
}

export function letter(change: Partial<DeadLetter> = {}): DeadLetter {
  return {
    operation: OPERATION,
    kind: "update",
    id: 5,
    reason: "conflict",
    detail: "the row changed",
    data: { area: "Sala 2" },
    base: { ...item({ id: 5 }) },
    current: { ...item({ id: 5, area: "Taller", version: 2 }) },
    accepted_at: TIME,
    instance: "lab-1",
    ...change,
  };
}

export function pending(change: Partial<PendingOperation> = {}): PendingOperation {
  return {
    operation: OPERATION,
    kind: "update",
    state: "pending",
    item_id: 5,
    accepted_at: TIME,
    instance: "lab-1",
    data: { area: "Sala 2" },
    base: { ...item({ id: 5 }) },
    ...change,
  };
}
