// Who asks is proven on the node that answers: the signed token is verified here, never believed from the caller's meta.
// Ended sessions and changed roles reach every node by broadcast, by what Redis says at each first hop, and, when both were lost, by a poll of the
// truth every 5 s. A node of a mesh believes no token before its first poll: it cannot know what ended while it was away.
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Middleware, ServiceBroker } from "moleculer";
import { type ActionContract, type AnsweredAction, ask, type Locals, type Meta, type ResultOf } from "../lib/contract.ts";
import { permissionMissing, serviceUnavailable, tokenExpired, unauthenticated } from "../lib/failure.ts";
import { mayDo, type Principal } from "../lib/principal.ts";
import { closeRedis, redisOf } from "../lib/redis.ts";
import { Revocations, SharedRevocations } from "../lib/revocations.ts";
import { runtimeOf } from "../lib/runtime.ts";
import { tokensOf } from "../lib/tokens.ts";
import { endedSessions, sessionEnded } from "../services/identity/authentication/authentication.contract.ts";
import { accessRefused, changedRoles, rolesVersionChanged } from "../services/identity/authorization/authorization.contract.ts";

const pollMs = 5000;
const pollMsWhileUnknowing = 250;
const answerWithinMs = 2000;
// A node may be asked in the moment between its start and its first poll; after this the caller is better off with another node.
const patienceMs = 1500;

/** The caller is the gateway or nobody: only there an expired token is refused, so that work under way does not break in its middle. */
const isFirstHop = (ctx: Context) => !ctx.caller || ctx.caller === "gateway";

/** What one node knows of ended sessions and changed roles, and how it comes to know. */
class Watch {
	readonly #broker: ServiceBroker;
	readonly #revocations = new Revocations();
	/** What was not polled since the start. A process alone has missed nothing that its own stores do not tell it. */
	readonly #missing: Set<"sessions" | "roles">;
	readonly #caughtUp = Promise.withResolvers<void>();
	readonly #stopping = new AbortController();
	#shared: SharedRevocations | undefined;
	#loop: Promise<void> | undefined;
	#polling: Promise<void> | undefined;
	#patientUntil: number | undefined;

	constructor(broker: ServiceBroker) {
		this.#broker = broker;
		this.#missing = new Set(runtimeOf(broker).config.nats ? ["sessions", "roles"] : []);
	}

	open(): void {
		const redis = redisOf(this.#broker);
		this.#shared = redis && new SharedRevocations(redis);
	}

	/** Resolves after the first poll, however it ended; the others follow by themselves. */
	start(): Promise<void> {
		this.#loop ??= this.#pollForEver();
		return this.poll();
	}

	stop(): void {
		this.#stopping.abort();
	}

	/** Those who ask at once share one poll. Never rejects: what could not be learned now is asked again soon. */
	poll(): Promise<void> {
		this.#polling ??= this.#poll().finally(() => {
			this.#polling = undefined;
		});
		return this.#polling;
	}

	/** A session ended. The node that says so also writes it where all others look, before whoever ended it is answered. */
	async ended(sessionId: string, saidHere: boolean): Promise<void> {
		this.#revocations.end(sessionId, this.#now());
		if (saidHere) await this.#shared?.end(sessionId);
	}

	async raised(userId: string, version: number, saidHere: boolean): Promise<void> {
		this.#revocations.raise(userId, version, this.#now());
		if (saidHere) await this.#shared?.raise(userId, version);
	}

	/** Whom a token names. Throws when it is not, or no longer, good. */
	async principalOf(token: string, ctx: Context): Promise<Principal> {
		const principal = tokensOf(runtimeOf(this.#broker)).verify(token, isFirstHop(ctx));
		this.#refuseRevoked(principal);
		if (!isFirstHop(ctx) || (this.#missing.size === 0 && !this.#shared)) return principal;
		if (this.#missing.size > 0) await this.#catchUp();
		await this.#shared?.learn(principal, this.#revocations, this.#now());
		this.#refuseRevoked(principal);
		return principal;
	}

	#refuseRevoked(principal: Principal): void {
		if (this.#revocations.isEnded(principal.sessionId)) throw unauthenticated();
		if (this.#revocations.hasOlderRoles(principal)) throw tokenExpired();
	}

	#now(): number {
		return runtimeOf(this.#broker).clock.now();
	}

	/** Not asked where nobody could answer: the framework would warn of each poll of each node while identity is away. */
	async #ask<C extends typeof endedSessions | typeof changedRoles>(contract: C, since: number): Promise<ResultOf<C>> {
		const { actions } = this.#broker.registry as unknown as { actions: { isAvailable(name: string): boolean } };
		if (!actions.isAvailable(contract.name)) throw serviceUnavailable();
		return ask(this.#broker, contract as ActionContract, { since }, { timeout: answerWithinMs }) as Promise<ResultOf<C>>;
	}

	async #poll(): Promise<void> {
		const since = this.#now() - Revocations.rememberedMs;
		const [sessions, roles] = await Promise.allSettled([this.#ask(endedSessions, since), this.#ask(changedRoles, since)]);
		if (sessions.status === "fulfilled") {
			for (const sessionId of sessions.value.sessionIds) this.#revocations.end(sessionId, this.#now());
			this.#missing.delete("sessions");
		}
		if (roles.status === "fulfilled") {
			for (const { userId, version } of roles.value.users) this.#revocations.raise(userId, version, this.#now());
			this.#missing.delete("roles");
		}
		if (this.#missing.size === 0) this.#caughtUp.resolve();
	}

	async #pollForEver(): Promise<void> {
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			await this.poll();
			const pauseMs = this.#missing.size > 0 ? pollMsWhileUnknowing : pollMs;
			await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	/** Throws `service_unavailable` while nobody can say which sessions ended: a restart must not revive them. */
	async #catchUp(): Promise<void> {
		this.#loop ??= this.#pollForEver();
		this.#patientUntil ??= performance.now() + patienceMs;
		const left = Math.max(0, this.#patientUntil - performance.now());
		await Promise.race([this.#caughtUp.promise, sleep(left, undefined, { ref: false })]);
		if (this.#missing.size > 0) throw serviceUnavailable({ retryAfterSeconds: 1 });
	}
}

/** A new middleware per broker: it keeps what that node knows. */
export function authorize(): Middleware {
	let watch: Watch;

	return {
		name: "Authorize",

		created(broker: ServiceBroker) {
			watch = new Watch(broker);
			const saidHere = (ctx: Context) => ctx.nodeID === broker.nodeID;
			broker.createService({
				name: "$access",
				events: {
					[sessionEnded.name]: (ctx: Context<{ sessionId: string }>) => watch.ended(ctx.params.sessionId, saidHere(ctx)),
					[rolesVersionChanged.name]: (ctx: Context<{ userId: string; version: number }>) =>
						watch.raised(ctx.params.userId, ctx.params.version, saidHere(ctx)),
					// Broadcasts that were sent meanwhile are lost.
					"$transporter.connected": ({ params }: Context<{ wasReconnect: boolean }>) => (params.wasReconnect ? watch.poll() : undefined),
				},
				methods: { measurements: () => redisOf(broker)?.measurements() ?? [] },
			});
		},

		starting: async () => watch.open(),
		started: () => watch.start(),
		stopping: async () => watch.stop(),
		// The last that needs it: every service of this process has stopped.
		stopped: async (broker: ServiceBroker) => closeRedis(broker),

		localAction(this: ServiceBroker, next: (ctx: Context) => Promise<unknown>, action: unknown) {
			const { contract } = action as AnsweredAction;
			if (!contract || contract.allow === "internal") return next;
			const { allow } = contract;
			const permission = allow === "public" || allow === "user" ? undefined : allow;
			// Async, so that a refusal is always a rejection and never thrown at the caller's feet.
			return async (ctx: Context<unknown, Meta, Locals>) => {
				const token = contract.rest?.ignoresToken ? undefined : ctx.meta.accessToken;
				const principal = token ? await watch.principalOf(token, ctx) : undefined;
				ctx.locals.principal = principal;
				if (allow !== "public" && !principal) throw unauthenticated();
				if (permission && !mayDo(principal, permission)) {
					// The audit hears of it; the caller does not wait for that.
					ctx.emit(accessRefused.name, {
						userId: principal?.userId ?? "",
						action: contract.name,
						permission,
						requestId: ctx.meta.request?.id ?? null,
					});
					throw permissionMissing({ permission });
				}
				return next(ctx);
			};
		},
	};
}
