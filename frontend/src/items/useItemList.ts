/* useItemList.ts - one page of the list, kept fresh: pages are reached through cursors. */
import { useCallback, useEffect, useRef, useState } from "react";
import { listItems } from "../api/relevo";
import type { ItemPage, ListQuery } from "../api/types";
import { useLiveStatus } from "../status/LiveStatusProvider";
import type { LiveState } from "../status/live";

const REFRESH_MS = 10_000;
const SETTLE_MS = 250;

export type Filters = Pick<ListQuery, "q" | "code" | "type" | "status" | "area">;

export interface PageModel {
  page: number;
  pageSize: number;
}

export interface ItemList {
  model: PageModel;
  setModel: (model: PageModel) => void;
  answer: ItemPage | undefined;
  loading: boolean; // something else is shown than what was asked for
  error: unknown;
  refresh: () => void;
}

/* What of the live state says that the list may look different. */
function mark({ sync, connection }: LiveState): string {
  if (sync === undefined) return connection;
  const { cache_items, pending_creates, pending_updates, pending_deletes, mode, drain } = sync;
  const counts = [cache_items, pending_creates, pending_updates, pending_deletes, drain.done];
  return [connection, mode, drain.running, sync.last_sync?.at, ...counts].join();
}

/* A number that grows whenever the list should be asked for again. */
function useFreshness(): [number, () => void] {
  const [tick, setTick] = useState(0);
  const refresh = useCallback(() => setTick((n) => n + 1), []);
  const seen = mark(useLiveStatus());
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
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") refresh();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  return [tick, refresh];
}

function useStable(filters: Filters): Filters {
  const [kept, setKept] = useState(filters);
  const same = JSON.stringify(kept) === JSON.stringify(filters);
  if (!same) setKept(filters);
  return same ? kept : filters;
}

export function useItemList(wanted: Filters): ItemList {
  const filters = useStable(wanted);
  const [model, setModel] = useState<PageModel>({ page: 0, pageSize: 50 });
  const [answer, setAnswer] = useState<ItemPage>();
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<unknown>();
  const [tick, refresh] = useFreshness();
  // cursors[n]: where page n begins
  const cursors = useRef<(string | undefined)[]>([undefined]);
  const asked = useRef("");
  const { page, pageSize } = model;

  const changePage = useCallback(
    (next: PageModel) => {
      const fresh = next.pageSize !== pageSize;
      if (fresh) cursors.current = [undefined];
      setModel(fresh ? { ...next, page: 0 } : next);
    },
    [pageSize],
  );

  const last = useRef(filters);
  useEffect(() => {
    if (last.current === filters) return;
    last.current = filters;
    cursors.current = [undefined];
    setModel((old) => ({ ...old, page: 0 }));
  }, [filters]);

  useEffect(() => {
    const call = new AbortController();
    const key = JSON.stringify([filters, page, pageSize]);
    if (asked.current !== key) setLoading(true);
    asked.current = key;
    const after = cursors.current[page];
    listItems(
      { ...filters, limit: pageSize, ...(after === undefined ? {} : { after }) },
      call.signal,
    )
      .then((found) => {
        cursors.current[page + 1] = found.next ?? undefined;
        setAnswer(found);
        setError(undefined);
        setLoading(false);
        // The page is gone: items were deleted.
        if (found.count === 0 && page > 0) setModel({ page: 0, pageSize });
      })
      .catch((fault: unknown) => {
        if (call.signal.aborted) return;
        setError(fault);
        setLoading(false);
      });
    return () => call.abort();
  }, [filters, page, pageSize, tick]);

  return { model, setModel: changePage, answer, loading, error, refresh };
}
