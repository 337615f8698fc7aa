import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { failure, notFound, serviceUnavailable, validationFailed } from "../../../lib/failure.ts";
import { idPattern } from "../../../lib/ids.ts";
import { atPrompt, MeshNode } from "../../../lib/operator-contract.ts";
import { DeadLetter, Saga, sagaStateConflict } from "../../../lib/store-contract.ts";
import { Envelope, Page, Paging, Time } from "../../../lib/vocabulary.ts";

const tag = "Operations";

// Cursors over many services carry a mark for each of them.
const Cursor = Type.String({ minLength: 1, maxLength: 4096 });
const MergedPaging = { limit: Paging.limit, cursor: Type.Optional(Cursor) };

const Named = Type.String({ minLength: 1, maxLength: 191 });
/** An id that carries the service it belongs to: `notifications:evt_…`. */
const OfService = (pattern: string, example: string) => Type.String({ pattern: `^[a-z][A-Za-z]*:${pattern}$`, examples: [example] });
const LetterId = OfService(idPattern("evt").slice(1, -1), "notifications:evt_01jd9w6qkz8m4f2v7b3c5n1x0r");
const SagaId = OfService("[a-z]+_[0-9a-hjkmnp-tv-z]{26}", "orders:opr_01jd9w6qkz8m4f2v7b3c5n1x0r");

export const letterWaiting = failure<{ id: string }>(
	"conflict",
	"letter_waiting",
	({ id }) => `${id} waits behind an earlier fact of its key. Redrive or drop that one; this one then follows by itself.`,
);

export const listEvents = action({
	name: "operations.listEvents",
	summary: "The durable facts of all services, oldest first, merged by time into one list.",
	allow: "events:read",
	rest: { method: "GET", path: "/v1/events", tag },
	idempotent: true,
	params: Type.Object({
		...MergedPaging,
		type: Type.Optional(Named),
		key: Type.Optional(
			Type.String({ minLength: 1, maxLength: 191, description: "What the facts are about: an order id, a SKU, a user id." }),
		),
		after: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: "An event's id or a `tail`: only what is newer." })),
		newest: Type.Optional(Type.Boolean({ description: "The last `limit` facts instead of the first." })),
	}),
	returns: Type.Object({
		...Page(Envelope).properties,
		tail: Type.String({ description: "Handed in as `after`, it answers what was told since, also on the last page." }),
	}),
	throws: [validationFailed, serviceUnavailable],
});

export const replay = action({
	name: "operations.replay",
	summary: "Let a listening service hear the facts of a time again, through its inbox: what it lacks is repaired, nothing else changes.",
	allow: "events:replay",
	rest: { method: "POST", path: "/v1/events/replay", tag },
	timeoutMs: 60_000,
	params: Type.Object({
		group: Type.String({ minLength: 1, maxLength: 64, description: "The listening service." }),
		from: Type.Optional(Time),
		to: Type.Optional(Time),
		dryRun: Type.Optional(Type.Boolean({ default: false, description: "Only count." })),
	}),
	returns: Type.Object({ group: Type.String(), considered: Type.Integer(), repaired: Type.Integer() }),
	throws: [validationFailed, serviceUnavailable],
});

export const listLetters = action({
	name: "operations.listLetters",
	summary: "Facts that a listener could not apply, with those that wait behind them; newest first.",
	allow: "events:read",
	rest: { method: "GET", path: "/v1/dead-letters", tag },
	idempotent: true,
	params: Type.Object({
		...MergedPaging,
		group: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
		status: Type.Optional(DeadLetter.properties.status),
	}),
	returns: Page(DeadLetter),
	throws: [validationFailed, serviceUnavailable],
});

export const getLetter = action({
	name: "operations.getLetter",
	summary: "One dead letter with its whole fact and the last error.",
	allow: "events:read",
	rest: { method: "GET", path: "/v1/dead-letters/:id", tag },
	idempotent: true,
	params: Type.Object({ id: LetterId }),
	returns: DeadLetter,
	throws: [notFound, serviceUnavailable],
});

export const redriveLetter = action({
	name: "operations.redriveLetter",
	summary: "Try a dead letter again now, with all its tries. Applied, it is gone, and the next of its key follows.",
	allow: "events:replay",
	rest: { method: "POST", path: "/v1/dead-letters/:id/redrive", tag },
	params: Type.Object({ id: LetterId }),
	returns: DeadLetter,
	throws: [notFound, letterWaiting, serviceUnavailable],
});

export const DroppedLetter = Type.Object(
	{ ...DeadLetter.properties, status: Type.Literal("dropped") },
	{ $id: "DroppedLetter", description: "A fact that its listener will never apply." },
);
export type DroppedLetter = Static<typeof DroppedLetter>;

export const dropLetter = action({
	name: "operations.dropLetter",
	summary: "Give a dead letter up for good; the next of its key follows.",
	allow: "events:replay",
	rest: { method: "POST", path: "/v1/dead-letters/:id/drop", tag },
	params: Type.Object({ id: LetterId }),
	returns: DroppedLetter,
	throws: [notFound, serviceUnavailable],
});

export const listSagas = action({
	name: "operations.listSagas",
	summary: "Processes across services, newest first.",
	allow: "sagas:read",
	rest: { method: "GET", path: "/v1/sagas", tag },
	idempotent: true,
	params: Type.Object({ ...MergedPaging, status: Type.Optional(Saga.properties.status), kind: Type.Optional(Named) }),
	returns: Page(Saga),
	throws: [validationFailed, serviceUnavailable],
});

export const getSaga = action({
	name: "operations.getSaga",
	summary: "One process with its steps and its state.",
	allow: "sagas:read",
	rest: { method: "GET", path: "/v1/sagas/:id", tag },
	idempotent: true,
	params: Type.Object({ id: SagaId }),
	returns: Saga,
	throws: [notFound, serviceUnavailable],
});

export const retrySaga = action({
	name: "operations.retrySaga",
	summary: "Try the step at which a process stands again, now.",
	allow: "sagas:write",
	rest: { method: "POST", path: "/v1/sagas/:id/retry", tag },
	params: Type.Object({ id: SagaId }),
	returns: Saga,
	throws: [notFound, sagaStateConflict, serviceUnavailable],
});

export const compensateSaga = action({
	name: "operations.compensateSaga",
	summary: "Undo a process that is not past its point of no return.",
	allow: "sagas:write",
	rest: { method: "POST", path: "/v1/sagas/:id/compensate", tag },
	params: Type.Object({ id: SagaId }),
	returns: Saga,
	throws: [notFound, sagaStateConflict, serviceUnavailable],
});

export const listNodes = action({
	name: "operations.listNodes",
	summary: "The processes of the mesh and what they run.",
	allow: "operations:read",
	rest: { method: "GET", path: "/v1/nodes", tag },
	idempotent: true,
	params: Type.Object({ ...Paging }),
	returns: Page(MeshNode),
});

export const OutboxLevel = Type.Object(
	{
		service: Type.String(),
		pending: Type.Integer({ minimum: 0, description: "Facts that some listening service has not taken yet." }),
		oldestSeconds: Type.Number({ minimum: 0, description: "How long the oldest of them has waited." }),
	},
	{ $id: "OutboxLevel", description: "What a service has told and not everybody who listens has taken." },
);
export type OutboxLevel = Static<typeof OutboxLevel>;

export const readOutbox = action({
	name: "operations.readOutbox",
	summary: "How many facts of each service are still on their way, and for how long.",
	allow: "operations:read",
	rest: { method: "GET", path: "/v1/outbox", tag },
	idempotent: true,
	params: Type.Object({}),
	returns: Type.Object({ data: Type.Array(OutboxLevel) }),
	throws: [serviceUnavailable],
});

// The same for the operator's prompt.
export const listEventsAtPrompt = atPrompt(listEvents);
export const replayAtPrompt = atPrompt(replay);
export const listLettersAtPrompt = atPrompt(listLetters);
export const getLetterAtPrompt = atPrompt(getLetter);
export const redriveLetterAtPrompt = atPrompt(redriveLetter);
export const dropLetterAtPrompt = atPrompt(dropLetter);
export const listSagasAtPrompt = atPrompt(listSagas);
export const getSagaAtPrompt = atPrompt(getSaga);
export const retrySagaAtPrompt = atPrompt(retrySaga);
export const compensateSagaAtPrompt = atPrompt(compensateSaga);
export const readOutboxAtPrompt = atPrompt(readOutbox);
