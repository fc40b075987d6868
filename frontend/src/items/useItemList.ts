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

function useStable(filters: Filters): Filters {
  const [kept, setKept] = useState(filters);
  const same = JSON.stringify(kept) === JSON.stringify(filters);
  if (!same) setKept(filters);
  return same ? kept : filters;
}

/* Where the pages of one query begin: known for those that were seen, and the one after. */
interface Book {
  of: string;
  cursors: (string | undefined)[];
}

export function useItemList(wanted: Filters): ItemList {
  const filters = useStable(wanted);
  const [model, setModel] = useState<PageModel>({ page: 0, pageSize: 50 });
  const [answer, setAnswer] = useState<ItemPage>();
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<unknown>();
  const [tick, refresh] = useFreshness();
  const { page, pageSize } = model;
  const book = useRef<Book>({ of: "", cursors: [] });
  const asked = useRef("");

  useEffect(() => {
    const query = { ...filters, limit: pageSize };
    const of = JSON.stringify(query);
    if (book.current.of !== of) book.current = { of, cursors: [undefined] };
    const { cursors } = book.current;
    // Another query, or turned over before the page was known.
    if (page >= cursors.length) return setModel({ page: 0, pageSize });
    const call = new AbortController();
    const key = `${of} ${page}`;
    if (asked.current !== key) setLoading(true);
    asked.current = key;
    const after = cursors[page];
    listItems({ ...query, ...(after === undefined ? {} : { after }) }, call.signal)
      .then((found) => {
        if (found.next !== null) cursors[page + 1] = found.next;
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

  return { model, setModel, answer, loading, error, refresh };
}
