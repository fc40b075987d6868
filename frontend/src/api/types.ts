/* types.ts - short names for the schemas of docs/openapi.json. */
import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type Item = Schemas["Item"];
export type ItemId = Schemas["ItemId"];
export type ItemFields = Required<Schemas["ItemCreate"]>;
export type ItemPage = Schemas["ItemPage"];
export type ItemPatch = Schemas["ItemPatch"];
export type Queued = Schemas["Queued"];
export type Created = Schemas["Created"];
export type Updated = Schemas["Updated"];
export type Deleted = Schemas["Deleted"];
export type Health = Schemas["Health"];
export type SyncStatus = Schemas["SyncStatus"];
export type StatusEvent = Schemas["StatusEvent"];
export type DeadLetter = Schemas["DeadLetter"];
export type DeadLetters = Schemas["DeadLetters"];
export type DeadResult = Schemas["DeadResult"];
export type Instance = Schemas["Instance"];
export type Session = Schemas["Session"];
export type PendingOperation = Schemas["PendingOperation"];
export type PendingOperations = Schemas["PendingOperations"];
export type Problem = Schemas["Problem"];
export type ListQuery = NonNullable<operations["listItems"]["parameters"]["query"]>;

export type PendingQuery = NonNullable<operations["listPendingOperations"]["parameters"]["query"]>;

/* The data fields of an item, in the order they are shown. */
export const FIELD_NAMES = ["code", "type", "status", "area", "acquisition_date"] as const;
export type FieldName = (typeof FIELD_NAMES)[number];
