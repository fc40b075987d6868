/* usePages.ts - one page of a list of the API, kept fresh: pages are reached through cursors. */
import { useEffect, useRef, useState } from "react";
import { useFreshness } from "../status/useFreshness";

export interface PageModel {
  page: number;
  pageSize: number;
}

interface PageQuery {
  limit?: number;
  after?: string;
}

interface AnyPage {
  count: number;
  total: number;
  next: string | null;
}

export interface Pages<Page> {
  model: PageModel;
  setModel: (model: PageModel) => void;
  answer: Page | undefined;
  loading: boolean; // something else is shown than what was asked for
  error: unknown;
  refresh: () => void;
}

function useStable<T>(wanted: T): T {
  const [kept, setKept] = useState(wanted);
  const same = JSON.stringify(kept) === JSON.stringify(wanted);
  if (!same) setKept(wanted);
  return same ? kept : wanted;
}

/* Where the pages of one query begin: known for those that were seen, and the one after. */
interface Book {
  of: string;
  cursors: (string | undefined)[];
}

/* `list` has to be the same function each time. */
export function usePages<Query extends object, Page extends AnyPage>(
  list: (query: Query & PageQuery, signal: AbortSignal) => Promise<Page>,
  wanted: Query,
  firstSize: number,
): Pages<Page> {
  const filters = useStable(wanted);
  const [model, setModel] = useState<PageModel>({ page: 0, pageSize: firstSize });
  const [answer, setAnswer] = useState<Page>();
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
    list({ ...query, ...(after === undefined ? {} : { after }) }, call.signal)
      .then((found) => {
        if (found.next !== null) cursors[page + 1] = found.next;
        setAnswer(found);
        setError(undefined);
        setLoading(false);
        // The page is gone.
        if (found.count === 0 && page > 0) setModel({ page: 0, pageSize });
      })
      .catch((fault: unknown) => {
        if (call.signal.aborted) return;
        setError(fault);
        setLoading(false);
      });
    return () => call.abort();
  }, [list, filters, page, pageSize, tick]);

  return { model, setModel, answer, loading, error, refresh };
}
