/* exportItems.ts - all items that match, as CSV, read a page at a time. */
import { listItems } from "../api/relevo";
import type { Item, ItemPage } from "../api/types";
import type { Filters } from "../items/useItemList";
import { writeRows, type Separator } from "./text";

const PAGE = 1000;
const COLUMNS = [
  "id",
  "code",
  "type",
  "status",
  "area",
  "acquisition_date",
  "version",
  "updated_at",
] as const;

function cellsOf(item: Item): string[] {
  return COLUMNS.map((name) => String(item[name] ?? ""));
}

export interface Progress {
  done: number;
  total: number;
}

/* Parts of the file, in order; `tell` hears of each page. Throws what a page's request threw, an
 * abort too. */
export async function exportItems(
  filters: Filters,
  separator: Separator,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const parts = [writeRows([[...COLUMNS]], separator, true)];
  let done = 0;
  let after: string | undefined;
  do {
    const query = { ...filters, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page: ItemPage = await listItems(query, signal);
    if (page.count > 0) parts.push(writeRows(page.data.map(cellsOf), separator, false));
    done += page.count;
    tell({ done, total: Math.max(done, page.total) });
    after = page.next ?? undefined;
  } while (after !== undefined);
  return parts;
}
