// Named lists of entities: `confirmedFraud`, which rules count by, and those that rules name in `exempt`.
import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { notFound, validationFailed } from "../../../lib/failure.ts";
import { Id, Nothing, Page, Paging, Text, Time } from "../../../lib/vocabulary.ts";
import { EntityKind, ListName } from "./rules.contract.ts";

/** Devices and instruments of confirmed fraud. */
export const confirmedFraud = "confirmedFraud";

const ListedId = Type.String({
	pattern: "^[A-Za-z0-9._:-]{1,128}$",
	description: "An id, or the keyed hash of a device, an address or an instrument.",
});
const ListedEntity = Type.Object({ kind: EntityKind, id: ListedId });

export const ListEntry = Type.Object(
	{
		entity: ListedEntity,
		addedAt: Time,
		expiresAt: Type.Optional(Time),
		note: Type.Optional(Type.String()),
		caseId: Type.Optional(Id("cas")),
		addedBy: Type.Optional(Id("usr")),
	},
	{ $id: "RiskListEntry", description: "That an entity is on a list: since when, how long, and why." },
);
export type ListEntry = Static<typeof ListEntry>;

const tag = "Risk";

export const getList = action({
	name: "fraud.getList",
	summary: "Who and what is on a list, in the order of kind and id. A list that nobody has begun is empty.",
	allow: "fraud:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/fraud/lists/:name", tag },
	params: Type.Object({ name: ListName, ...Paging }),
	returns: Page(ListEntry),
	throws: [validationFailed],
});

export const putListEntry = action({
	name: "fraud.putListEntry",
	summary:
		"Put an entity on a list, or say anew how long and why. Without `expiresAt` it stays 180 days on `confirmedFraud` and for good elsewhere.",
	allow: "fraud:write",
	idempotent: true,
	rest: { method: "PUT", path: "/v1/fraud/lists/:name/entries", tag },
	params: Type.Object({ name: ListName, entity: ListedEntity, expiresAt: Type.Optional(Time), note: Type.Optional(Text(500)) }),
	returns: ListEntry,
	throws: [validationFailed],
});

export const removeListEntry = action({
	name: "fraud.removeListEntry",
	summary: "Take an entity off a list.",
	allow: "fraud:write",
	rest: { method: "DELETE", path: "/v1/fraud/lists/:name/entries/:kind/:id", tag },
	params: Type.Object({ name: ListName, kind: EntityKind, id: ListedId }),
	returns: Nothing,
	throws: [notFound],
});
