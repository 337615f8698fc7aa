// What signed-in people did: what they like and where they went. Kept as it was told and never looked up: a target may be of any service, or of none.
import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { notFound, validationFailed } from "../../../lib/failure.ts";
import { atPrompt } from "../../../lib/operator-contract.ts";
import { originFields } from "../../../lib/origin.ts";
import { Id, Page, Paging, Time } from "../../../lib/vocabulary.ts";

export const itemsMax = 50;

const UserId = Id("usr");

export const InteractionKind = Type.Enum(["like", "visit"]);
export type InteractionKind = Static<typeof InteractionKind>;

export const Target = Type.String({
	minLength: 1,
	maxLength: 200,
	pattern: "^(/[^\\u0000-\\u001f\\u007f]*|[A-Za-z0-9][A-Za-z0-9._:-]*)$",
	description: "An id, or a path that begins with a slash. It is not looked up.",
	examples: ["prd_01jd9w6qkz8m4f2v7b3c5n1x0r"],
});

export const NewInteraction = Type.Object({
	kind: InteractionKind,
	target: Target,
	occurredAt: Type.Optional(
		Type.String({ ...Time, description: "When it happened by the client's own clock. It is shown and counts for nothing." }),
	),
});
export type NewInteraction = Static<typeof NewInteraction>;

export const Interaction = Type.Object(
	{
		id: Id("int"),
		kind: InteractionKind,
		target: Target,
		recordedAt: Time,
		occurredAt: Type.Optional(Time),
	},
	{ $id: "Interaction", description: "Something that a person did, when we heard of it, and when it happened by the client's own clock." },
);
export type Interaction = Static<typeof Interaction>;

const Interactions = Type.Object({
	...Page(Interaction).properties,
	total: Type.Integer({ minimum: 0, description: "How many there are on all pages together." }),
});

const tag = "Interactions";
const filters = { kind: Type.Optional(InteractionKind), target: Type.Optional(Target) };

export const record = action({
	name: "interactions.record",
	summary: "Record a like or a visit of whoever is signed in. A like of the same target again is answered with the first one, 200.",
	allow: "user",
	rest: {
		method: "POST",
		path: "/v1/interactions",
		status: 201,
		location: "/v1/interactions/{id}",
		idempotencyKey: "honoured",
		tag,
	},
	params: NewInteraction,
	returns: Interaction,
	throws: [validationFailed],
});

export const recordBatch = action({
	name: "interactions.recordBatch",
	summary: "Record several, whole or nothing, answered in their order. A like that is there already is answered with the first one.",
	allow: "user",
	rest: {
		method: "POST",
		path: "/v1/interactions/batch",
		status: 201,
		location: "/v1/users/me/interactions",
		idempotencyKey: "honoured",
		tag,
	},
	params: Type.Object({ items: Type.Array(NewInteraction, { minItems: 1, maxItems: itemsMax }) }),
	returns: Type.Object({ data: Type.Array(Interaction) }),
	throws: [validationFailed],
});

export const get = action({
	name: "interactions.get",
	summary: "One of one's own interactions; anybody's for staff who may read them.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/interactions/:id", tag },
	params: Type.Object({ id: Id("int") }),
	returns: Interaction,
	throws: [notFound],
});

export const mine = action({
	name: "interactions.mine",
	summary: "One's own interactions, newest first, and how many there are.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/me/interactions", tag },
	params: Type.Object({ ...filters, ...Paging }),
	returns: Interactions,
	throws: [validationFailed],
});

export const ofUser = action({
	name: "interactions.ofUser",
	summary: "Somebody's interactions, newest first, and how many there are. Of somebody unknown there are none.",
	allow: "interactions:read",
	idempotent: true,
	rest: { method: "GET", path: "/v1/users/:id/interactions", tag },
	params: Type.Object({ id: UserId, ...filters, ...Paging }),
	returns: Interactions,
	throws: [validationFailed],
});

export const ofUserAtPrompt = atPrompt(ofUser);

export const recorded = event({
	name: "interactions.recorded",
	version: 1,
	key: "userId",
	delivery: "durable",
	summary: "Somebody liked or visited something. A like of the same target is told once, a visit every time.",
	payload: Type.Object({
		id: Id("int"),
		userId: UserId,
		kind: InteractionKind,
		target: Target,
		recordedAt: Time,
		sessionId: Type.String({ description: "The session in which it was done." }),
		...originFields,
	}),
});
