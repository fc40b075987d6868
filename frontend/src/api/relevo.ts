/* relevo.ts - one function per request of the API. All throw ApiError. */
import { client } from "./axios";
import { ApiError } from "./problem";
import type {
  Created,
  DeadLetter,
  DeadLetters,
  DeadResult,
  Deleted,
  Instance,
  Item,
  ItemFields,
  ItemId,
  ItemPage,
  ItemPatch,
  ListQuery,
  PendingOperations,
  PendingQuery,
  Queued,
  Session,
  Updated,
} from "./types";

export interface Tagged {
  item: Item;
  etag: string;
}

const itemPath = (id: ItemId) => `/items/${encodeURIComponent(id)}`;
const letterPath = (operation: string) => `/sync/dead/${encodeURIComponent(operation)}`;

export async function listItems(query: ListQuery, signal?: AbortSignal): Promise<ItemPage> {
  const { data } = await client.get<ItemPage>("/items", { params: query, signal });
  return data;
}

export async function getItem(id: ItemId): Promise<Tagged> {
  const answer = await client.get<{ data: Item }>(itemPath(id));
  return { item: answer.data.data, etag: String(answer.headers.etag) };
}

/* With a key of the caller's, who may repeat the request under it. */
export async function createItem(
  fields: ItemFields,
  options: { key?: string; signal?: AbortSignal } = {},
): Promise<Created | Queued> {
  const { key, signal } = options;
  const headers = key === undefined ? {} : { "Idempotency-Key": key };
  return (await client.post<Created | Queued>("/items", fields, { headers, signal })).data;
}

export async function patchItem(id: ItemId, change: ItemPatch, etag: string) {
  const headers = { "If-Match": etag };
  return (await client.patch<Updated | Queued>(itemPath(id), change, { headers })).data;
}

export async function deleteItem(id: ItemId, etag: string): Promise<Deleted | Queued> {
  const headers = { "If-Match": etag };
  return (await client.delete<Deleted | Queued>(itemPath(id), { headers })).data;
}

export async function listPending(
  query: PendingQuery,
  signal?: AbortSignal,
): Promise<PendingOperations> {
  return (await client.get<PendingOperations>("/operations", { params: query, signal })).data;
}

export async function listDeadLetters(signal?: AbortSignal): Promise<DeadLetter[]> {
  return (await client.get<DeadLetters>("/sync/dead", { signal })).data.data;
}

/* Dead letters know no idempotency keys: a 404 to a repeated request says that the first one, whose
 * answer was lost, did it. */
async function once<T>(request: Promise<{ data: T }>, done: T): Promise<T> {
  try {
    return (await request).data;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404 && error.attempts > 1) return done;
    throw error;
  }
}

export function retryDeadLetter(operation: string, body?: ItemPatch): Promise<DeadResult> {
  const request = client.post<DeadResult>(`${letterPath(operation)}/retry`, body);
  return once(request, { status: "pending", operation });
}

export function discardDeadLetter(operation: string): Promise<DeadResult> {
  const request = client.delete<DeadResult>(letterPath(operation));
  return once(request, { status: "discarded", operation });
}

export async function runSync(): Promise<void> {
  await client.post("/sync/run");
}

export async function listInstances(signal?: AbortSignal): Promise<Instance[]> {
  return (await client.get<Instance[]>("/instances", { signal })).data;
}

/* A daemon without access control does not know the path: everything is allowed there. */
export async function getSession(): Promise<Session> {
  try {
    return (await client.get<Session>("/session")).data;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { access: "open", role: "admin" };
    throw error;
  }
}
