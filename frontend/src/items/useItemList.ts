/* useItemList.ts - the pages of the items that match. */
import { listItems } from "../api/relevo";
import type { ItemPage, ListQuery } from "../api/types";
import { usePages, type Pages } from "../components/usePages";

export type Filters = Pick<ListQuery, "q" | "code" | "type" | "status" | "area">;
export type ItemList = Pages<ItemPage>;

export function useItemList(filters: Filters): ItemList {
  return usePages(listItems, filters, 50);
}
