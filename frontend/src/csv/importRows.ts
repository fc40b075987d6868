/* importRows.ts - sends the rows of a file, some at a time. Knows nothing of React.
 *
 * Each row has one idempotency key for as long as the file is open, whatever is pressed and however
 * often it is sent: what came through without its answer being seen is not created twice.
 */
import { ApiError, toApiError } from "../api/problem";
import { createItem } from "../api/relevo";
import type { ItemId } from "../api/types";
import { uuid } from "../api/uuid";
import { fieldsOf } from "../items/merge";
import { isReady, type ImportRow } from "./rows";

export const AT_A_TIME = 4;

/* failed: it is not known what became of it. */
export type Outcome = "created" | "pending" | "refused" | "failed" | "unsent" | "faulty";
export const OUTCOMES: Outcome[] = ["created", "pending", "refused", "failed", "unsent", "faulty"];

export interface Result {
  row: ImportRow;
  key: string;
  outcome: Outcome;
  id?: ItemId;
  error?: ApiError;
}

export function resultsOf(rows: ImportRow[]): Result[] {
  const file = uuid();
  return rows.map((row) => ({
    row,
    key: `${file}-${row.row}`,
    outcome: isReady(row) ? "unsent" : "faulty",
  }));
}

export function isOpen({ outcome }: Result): boolean {
  return outcome === "unsent" || outcome === "failed";
}

export function countOutcomes(results: Result[]): Record<Outcome, number> {
  const counts = { created: 0, pending: 0, refused: 0, failed: 0, unsent: 0, faulty: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/* A refusal that every row would meet. */
function concernsAll({ status }: ApiError): boolean {
  return status === 401 || status === 403;
}

/* Not so: too slow or too many for now, or our own request is still being served. */
function isRefusal({ status, code }: ApiError): boolean {
  if (status === undefined || status === 408 || status === 429 || code === "key-busy") return false;
  return status >= 400 && status < 500;
}

async function send(one: Result, signal: AbortSignal): Promise<Result> {
  const { row, key } = one;
  try {
    const answer = await createItem(fieldsOf(row.draft), { key, signal });
    const outcome = answer.status === "pending" ? "pending" : "created";
    return { row, key, outcome, ...(answer.data && { id: answer.data.id }) };
  } catch (error) {
    const failure = toApiError(error);
    if (concernsAll(failure)) throw failure;
    return { row, key, outcome: isRefusal(failure) ? "refused" : "failed", error: failure };
  }
}

/* Sends what has no result yet; `tell` hears of each row by its place. Ends when all are sent or
 * the signal says so; throws what would be said of every row. */
export async function importRows(
  results: readonly Result[],
  tell: (index: number, result: Result) => void,
  signal: AbortSignal,
): Promise<void> {
  const open = results.flatMap((one, index) => (isOpen(one) ? [{ one, index }] : []));
  const stop = new AbortController();
  const end = () => stop.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  let next = 0;
  async function work() {
    while (!stop.signal.aborted) {
      const task = open[next++];
      if (task === undefined) return;
      try {
        tell(task.index, await send(task.one, stop.signal));
      } catch (error) {
        end();
        throw error;
      }
    }
  }
  const workers = Array.from({ length: AT_A_TIME }, work);
  try {
    await Promise.all(workers);
  } finally {
    await Promise.allSettled(workers);
    signal.removeEventListener("abort", end);
  }
}
