// One truth, declared once: a contract's actions, events and failures, and the four verbs that connect them to the mesh.
// From here come the types of handler and caller, the run-time check, the REST route, OpenAPI and the permission.
import type { ActionSchema, Context } from "moleculer";
import type { Static, TObject, TSchema } from "typebox";
import type { Config } from "./config.ts";
import type { FailureType } from "./failure.ts";
import type { Principal, RequestFacts } from "./principal.ts";
import type { Scope } from "./scope.ts";
import type { Envelope } from "./vocabulary.ts";

export type Permission = `${string}:${string}`;
/** Who may call: anybody, any signed-in principal, holders of a permission, or the mesh alone (never a route). */
export type Allow = "public" | "user" | "internal" | Permission;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Where an action stands in the REST surface. */
export interface Route {
	method: Method;
	/** `/v1/carts/:id/items`; every `:name` is a field of the params. */
	path: string;
	/** Default: 200, or 204 when it returns Nothing. */
	status?: 200 | 201 | 202 | 204;
	/** `/v1/carts/{id}`, filled from the result; sent as `Location` with a 201. */
	location?: string;
	/** DESIGN section 7: required on POSTs that move money, stock or orders. */
	idempotencyKey?: "required" | "honoured";
	/** Body keys that may look like a card number (the tokenizer's `number`), as dotted paths. */
	cardDataAt?: readonly string[];
	/** The route is there only while this card provider is chosen. */
	cardProvider?: Config["payments"];
	/** The raw body is handed over unparsed as `{ rawBody, signature }`: signed webhooks only. */
	rawBody?: boolean;
	/** The access token is not looked at: signing in must work with an expired one in hand. */
	ignoresToken?: boolean;
	/** A group in OpenAPI and on the try-it page. */
	tag?: string;
}

export interface ActionContract<Params extends TObject = TObject, Result extends TSchema = TSchema> {
	readonly kind: "action";
	readonly name: string;
	readonly summary: string;
	readonly allow: Allow;
	readonly rest?: Route;
	readonly params: Params;
	readonly returns: Result;
	readonly throws: readonly FailureType<never>[];
	/** Only where doing it twice is the same as once: only those are ever retried by the mesh. */
	readonly idempotent: boolean;
	/** Longer or shorter than the broker's default, in milliseconds. */
	readonly timeoutMs?: number;
	/** The most calls of this action that run at once on a node, for expensive ones. */
	readonly bulkhead?: { concurrency: number; maxQueueSize: number };
}

export type ParamsOf<C> = C extends ActionContract<infer Params, TSchema> ? Static<Params> : never;
export type ResultOf<C> = C extends ActionContract<TObject, infer Result> ? Static<Result> : never;

/** Declares an action. Objects in `params` refuse fields they do not name, at every depth. Throws a TypeError on a malformed declaration. */
export function action<Params extends TObject, Result extends TSchema>(
	declared: Omit<ActionContract<Params, Result>, "kind" | "throws" | "idempotent"> & {
		// biome-ignore lint/suspicious/noExplicitAny: a failure of any data may be declared; its caller knows the data.
		throws?: readonly FailureType<any>[];
		idempotent?: boolean;
	},
): ActionContract<Params, Result> {
	// A `$` stands before what every node has, as the framework marks its own.
	if (!/^\$?[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/.test(declared.name))
		throw new TypeError(`"${declared.name}" is not an action name: service.verb`);
	if (!declared.allow) throw new TypeError(`${declared.name} does not say who may call it (allow)`);
	if (declared.rest && declared.allow === "internal") throw new TypeError(`${declared.name} is internal and cannot have a route`);
	return { throws: [], idempotent: false, ...declared, kind: "action", params: strict(declared.params) };
}

export interface EventContract<Payload extends TObject = TObject> {
	readonly kind: "event";
	readonly name: string;
	readonly version: number;
	/** The payload field whose facts keep their order. */
	readonly key: string;
	/** `durable`: outbox, inbox, order, replay. `fleeting`: broadcast, may be lost, everything that matters also polls. */
	readonly delivery: "durable" | "fleeting";
	readonly summary: string;
	readonly payload: Payload;
}
export type PayloadOf<E> = E extends EventContract<infer Payload> ? Static<Payload> : never;

/** Declares an event: a past fact. */
export function event<Payload extends TObject>(declared: Omit<EventContract<Payload>, "kind">): EventContract<Payload> {
	if (!(declared.key in declared.payload.properties))
		throw new TypeError(`${declared.name}: its key "${declared.key}" is no field of the payload`);
	return { ...declared, kind: "event" };
}

function strict<Schema extends TSchema>(schema: Schema): Schema {
	const visit = (node: unknown): unknown => {
		if (Array.isArray(node)) return node.map(visit);
		if (node === null || typeof node !== "object") return node;
		const copy: Record<PropertyKey, unknown> = {};
		// TypeBox keeps its own marks as hidden properties, so descriptors are copied, not just the enumerable ones.
		for (const key of Reflect.ownKeys(node)) {
			const mark = Object.getOwnPropertyDescriptor(node, key)!;
			Object.defineProperty(copy, key, "value" in mark ? { ...mark, value: visit(mark.value) } : mark);
		}
		if (copy.type === "object" && copy.properties && copy.additionalProperties === undefined) copy.additionalProperties = false;
		return copy;
	};
	return visit(schema) as Schema;
}

/** What every call carries beside its params. Set by the gateway, checked by the authorize middleware, never trusted for rights. */
export interface Meta {
	accessToken?: string;
	request?: RequestFacts;
	reply?: Reply;
	/** In whose name the work goes on, from one node to the next. Trusted as the mesh is: it names, it gives no right. */
	scope?: Scope | undefined;
}

/** What an action says of its answer beside the answer itself; the gateway turns it into status and headers. */
export interface Reply {
	status?: number;
	location?: string;
	/** The answer was kept from an earlier request with the same Idempotency-Key; problems then show that request's id. */
	replayed?: boolean;
	requestId?: string;
	retryAfterSeconds?: number;
}

export interface Locals {
	/** Who asks; absent for anonymous and for mesh-internal calls. Set by the authorize middleware from the verified token. */
	principal?: Principal;
}

export type CallContext<C> = Context<ParamsOf<C>, Meta, Locals>;

/** An action as Moleculer takes it, with the contract it answers. */
export interface AnsweredAction extends ActionSchema {
	contract: ActionContract;
}

/**
 * Makes the Moleculer action that answers a contract. Params are checked before the handler runs, `allow` is enforced on the node that answers.
 * `This` is the service as the handler sees it.
 */
export function answer<C extends ActionContract, This = unknown>(
	contract: C,
	handler: (this: This, ctx: CallContext<C>) => Promise<ResultOf<C>> | ResultOf<C>,
): AnsweredAction {
	return {
		contract,
		visibility: contract.rest ? "published" : "public",
		timeout: contract.timeoutMs,
		// Moleculer repeats timeouts, 5xx and rejected calls by default: only what is the same twice may be.
		retryPolicy: { enabled: contract.idempotent },
		...(contract.bulkhead ? { bulkhead: { enabled: true, ...contract.bulkhead } } : {}),
		handler: handler as unknown as ActionSchema["handler"],
	} as AnsweredAction;
}

interface Caller {
	// biome-ignore lint/suspicious/noExplicitAny: Moleculer's own signature; ask() gives it back its types.
	call(name: string, params?: any, options?: any): Promise<unknown>;
}

/** Calls what a contract declares, typed both ways. `caller` is a context (keeps request id, deadline, trace) or a broker. */
export function ask<C extends ActionContract>(
	caller: Caller,
	contract: C,
	params: ParamsOf<C>,
	options?: { timeout?: number; retries?: number; meta?: Meta; nodeID?: string },
): Promise<ResultOf<C>> {
	return caller.call(contract.name, params, options) as Promise<ResultOf<C>>;
}

/** Whatever can keep a fact together with the state that made it true: a SQL transaction, or a document about to be written. */
export interface FactSink {
	append(event: EventContract, payload: Record<string, unknown>): void | Promise<void>;
}

/** Writes a durable event into the outbox of the transaction that made it true. Throws TypeError for an event that is not durable. */
export function tell<E extends EventContract>(sink: FactSink, event: E, payload: PayloadOf<E>): void | Promise<void> {
	if (event.delivery !== "durable") throw new TypeError(`${event.name} is fleeting: broadcast it, an outbox would never send it`);
	return sink.append(event, payload as Record<string, unknown>);
}

/** What a listener of a durable fact is handed. `tx` is the transaction that also writes the inbox (SQL services). */
export interface Heard<Payload, Tx = unknown> {
	params: Payload;
	envelope: Envelope<Payload>;
	tx: Tx;
}

/** A listener as the durable-events middleware finds it in a service's schema. */
export interface HeardEvent {
	contract: EventContract;
	hear: (this: unknown, fact: Heard<never>) => Promise<void> | void;
	handler: (this: unknown, ctx: Context) => Promise<void> | void | undefined;
}

/** Every durable fact of the house, whatever its type: for the audit chain only. */
export const anyFact = {
	kind: "event",
	name: "**",
	version: 1,
	key: "id",
	delivery: "durable",
	summary: "Any durable fact.",
	payload: { type: "object" },
} as unknown as EventContract;

/**
 * Subscribes to an event; durable or fleeting is the event's own declaration. A durable handler gets the transaction its effect must be written in,
 * and must not wait for anything but that transaction. It may hear a fact twice: make twice the same as once.
 */
export function hear<E extends EventContract, This = unknown, Tx = unknown>(
	event: E,
	handler: (this: This, fact: Heard<PayloadOf<E>, Tx>) => Promise<void> | void,
): Record<string, HeardEvent> {
	const durable = event.delivery === "durable";
	return {
		[event.name]: {
			contract: event,
			hear: handler as HeardEvent["hear"],
			// Durable facts never come through emit: what arrives that way was forged or lost its outbox.
			handler: durable
				? () => undefined
				: function (this: unknown, ctx: Context) {
						return handler.call(this as This, { params: ctx.params as PayloadOf<E>, envelope: undefined as never, tx: undefined as never });
					},
		},
	};
}
