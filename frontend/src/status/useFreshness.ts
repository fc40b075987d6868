/* useFreshness.ts - tells lists when to ask again: the live state changed, or some time went by. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useLiveStatus } from "./LiveStatusProvider";
import type { LiveState } from "./live";

const REFRESH_MS = 10_000;
const SETTLE_MS = 250;

/* What of the live state says that lists may look different. */
function mark({ sync, connection }: LiveState): string {
  if (sync === undefined) return connection;
  const { cache_items, pending_creates, pending_updates, pending_deletes, mode, drain } = sync;
  const counts = [cache_items, pending_creates, pending_updates, pending_deletes, drain.done];
  return [connection, mode, drain.running, sync.last_sync?.at, ...counts].join();
}

/* A number that grows whenever a list should be asked for again. */
export function useFreshness(): [number, () => void] {
  const [tick, setTick] = useState(0);
  const refresh = useCallback(() => setTick((n) => n + 1), []);
  const live = useLiveStatus();
  const seen = mark(live);
  const signedOut = live.connection === "unauthorized";
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const timer = setTimeout(refresh, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [seen, refresh]);
  useEffect(() => {
    if (signedOut) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") refresh();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [refresh, signedOut]);
  return [tick, refresh];
}
