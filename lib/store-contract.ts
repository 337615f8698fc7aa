// What every store answers to the operators, under its own service's name: `orders.readFacts`, `inventory.listLetters`.
import Type, { type Static } from "typebox";
import { action } from "./contract.ts";
import { failure, notFound } from "./failure.ts";
import { Envelope, Id, Time } from "./vocabulary.ts";

export const sagaStateConflict = failure<{ id: string }>(
	"conflict",
	"saga_state_conflict",
	({ id }) => `${id} is over, or past its point of no return.`,
);

const Nullable = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()]);

export const DeadLetter = Type.Object(
	{
		id: Type.String({ description: "The fact's id, prefixed by the listening service: `notifications:evt_…`." }),
		group: Type.String({ description: "The service that could not apply it." }),
		producer: Type.String(),
		type: Type.String(),
		key: Type.String(),
		position: Type.Integer(),
		status: Type.Enum(["retrying", "dead", "waiting"]),
		attempts: Type.Integer(),
		error: Nullable(Type.String()),
		nextAt: Nullable(Time),
		firstFailedAt: Time,
		lastFailedAt: Time,
		envelope: Envelope,
	},
	{ $id: "DeadLetter", description: "A fact that a listener could not apply, or that waits behind one of its key." },
);
export type DeadLetter = Static<typeof DeadLetter>;

export const Saga = Type.Object(
	{
		id: Type.String({ description: "Prefixed by its service: `orders:sag_…`." }),
		service: Type.String(),
		kind: Type.String(),
		status: Type.Enum(["running", "succeeded", "failed", "compensated", "stuck"]),
		steps: Type.Array(Type.Object({ name: Type.String(), status: Type.String(), error: Type.Optional(Type.String()) })),
		attempts: Type.Integer(),
		error: Nullable(Type.String()),
		problem: Type.Union([Type.Null(), Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }))]),
		state: Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true })),
		createdAt: Time,
		updatedAt: Time,
		nextAt: Nullable(Time),
	},
	{ $id: "Saga", description: "A process across services, as an operator sees it." },
);
export type Saga = Static<typeof Saga>;

export const StoreState = Type.Object({
	service: Type.String(),
	/** The newest position told; 0 when it tells nothing. */
	head: Type.Integer(),
	/** Facts stored but not numbered yet, and the age of the oldest. */
	pending: Type.Integer(),
	oldestSeconds: Type.Number(),
	/** How far this service has come with each producer it hears. */
	cursors: Type.Record(Type.String(), Type.Integer()),
	hasSagas: Type.Boolean(),
	storeId: Type.String(),
});
export type StoreState = Static<typeof StoreState>;

const Found = Type.Object({ done: Type.Boolean() });

/** The contracts of one service's store. */
export const storeContract = (service: string) => ({
	readFacts: action({
		name: `${service}.readFacts`,
		summary: "The facts this service has told, in order.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({
			after: Type.Integer({ minimum: 0, description: "A position." }),
			newerThan: Type.Optional(Id("evt")),
			type: Type.Optional(Type.String()),
			key: Type.Optional(Type.String()),
			newest: Type.Optional(Type.Boolean({ description: "The last that match instead of the first." })),
			limit: Type.Integer({ minimum: 1, maximum: 1000 }),
		}),
		returns: Type.Array(Envelope),
	}),
	storeState: action({
		name: `${service}.storeState`,
		summary: "How far the store has told and heard.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({}),
		returns: StoreState,
	}),
	listLetters: action({
		name: `${service}.listLetters`,
		summary: "Facts this service could not apply, newest first.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({
			status: Type.Optional(Type.Enum(["retrying", "dead", "waiting"])),
			before: Type.Optional(Type.String({ description: "A fact's id." })),
			limit: Type.Integer({ minimum: 1, maximum: 101 }),
		}),
		returns: Type.Array(DeadLetter),
	}),
	getLetter: action({
		name: `${service}.getLetter`,
		summary: "One of them.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({ id: Type.String() }),
		returns: DeadLetter,
		throws: [notFound],
	}),
	redriveLetter: action({
		name: `${service}.redriveLetter`,
		summary: "Try it again now, with all its tries.",
		allow: "internal",
		params: Type.Object({ id: Type.String() }),
		returns: Found,
	}),
	dropLetter: action({
		name: `${service}.dropLetter`,
		summary: "Give it up; the next fact of its key goes on.",
		allow: "internal",
		params: Type.Object({ id: Type.String() }),
		returns: Found,
	}),
	replayFacts: action({
		name: `${service}.replayFacts`,
		summary: "Hear everything again through the inbox: repairs what is missing and changes nothing else.",
		allow: "internal",
		timeoutMs: 60_000,
		params: Type.Object({ from: Type.Optional(Time), to: Type.Optional(Time), dryRun: Type.Boolean() }),
		returns: Type.Object({ considered: Type.Integer(), repaired: Type.Integer() }),
	}),
	listSagas: action({
		name: `${service}.listSagas`,
		summary: "The processes this service drives, newest first.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({
			status: Type.Optional(Type.Enum(["running", "succeeded", "failed", "compensated", "stuck"])),
			kind: Type.Optional(Type.String()),
			before: Type.Optional(Type.String({ description: "A saga id without its service." })),
			limit: Type.Integer({ minimum: 1, maximum: 101 }),
		}),
		returns: Type.Array(Saga),
	}),
	getSaga: action({
		name: `${service}.getSaga`,
		summary: "One of them.",
		allow: "internal",
		idempotent: true,
		params: Type.Object({ id: Type.String() }),
		returns: Saga,
		throws: [notFound],
	}),
	retrySaga: action({
		name: `${service}.retrySaga`,
		summary: "Try the step it stands at again, now.",
		allow: "internal",
		params: Type.Object({ id: Type.String() }),
		returns: Saga,
		throws: [notFound, sagaStateConflict],
	}),
	compensateSaga: action({
		name: `${service}.compensateSaga`,
		summary: "Undo it, if it is not past its point of no return.",
		allow: "internal",
		params: Type.Object({ id: Type.String() }),
		returns: Saga,
		throws: [notFound, sagaStateConflict],
	}),
});
