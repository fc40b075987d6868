/* saveItem.ts - saving an edit under If-Match, and what to do when the item changed meanwhile. */
import { ApiError } from "../api/problem";
import { getItem, patchItem, type Tagged } from "../api/relevo";
import type { ItemId, Queued, Updated } from "../api/types";
import { changedFields, draftOf, patchOf, type Draft } from "./merge";

const TRIES = 3;

export type Saved =
  | { outcome: "saved"; answer: Updated | Queued }
  | { outcome: "unchanged" }
  | { outcome: "conflict"; theirs: Tagged };

export function isStale(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412;
}

/* `base` is what the user saw under its tag. A tag also moves when a pending item is drained: where
 * the data fields are still those of `base` nobody is in the way, and the new tag is taken. */
export async function saveItem(id: ItemId, base: Tagged, mine: Draft): Promise<Saved> {
  const before = draftOf(base.item);
  const change = patchOf(before, mine);
  if (change === undefined) return { outcome: "unchanged" };
  let { etag } = base;
  for (let tries = 1; ; tries++) {
    try {
      return { outcome: "saved", answer: await patchItem(id, change, etag) };
    } catch (error) {
      if (!isStale(error)) throw error;
      const theirs = await getItem(id);
      const moved = changedFields(before, draftOf(theirs.item)).length > 0;
      if (moved || tries === TRIES) return { outcome: "conflict", theirs };
      etag = theirs.etag;
    }
  }
}
