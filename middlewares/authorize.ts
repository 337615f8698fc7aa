// Who asks is proven on the node that answers: the signed token is verified here, never believed from the caller's meta.
// Ended sessions and changed roles reach every node by broadcast, by what Redis says at each first hop, and, when both were lost, by a poll of the
// truth every 5 s. A node of a mesh believes no token before its first poll: it cannot know what ended while it was away.
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Middleware, ServiceBroker } from "moleculer";
import { type AnsweredAction, ask, type Locals, type Meta } from "../lib/contract.ts";
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
// A node is often asked in the moment between its start and its first poll; longer than this the caller is better off with another node.
const patienceMs = 1500;

/** The caller is the gateway or nobody: only there an expired token is refused, so that work under way does not break in its middle. */
const isFirstHop = (ctx: Context) => !ctx.caller || ctx.caller === "gateway";

/** What one node knows of ended sessions and changed roles, and how it comes to know. */
class Watch {
	readonly #broker: ServiceBroker;
	readonly #revocations = new Revocations();
	readonly #shared: SharedRevocations | undefined;
	/** What was polled once since the start; a process alone has missed nothing that its own stores did not tell it. */
	readonly #missing: Set<"sessions" | "roles">;
	readonly #stopping = new AbortController();
	#polling: Promise<void> | undefined;

	constructor(broker: ServiceBroker) {
		this.#broker = broker;
		const redis = redisOf(broker);
		this.#shared = redis && new SharedRevocations(redis);
		this.#missing = new Set(runtimeOf(broker).config.nats ? ["sessions", "roles"] : []);
	}

	/** Polls once, then for ever in the background. */
	async start(): Promise<void> {
		await this.poll();
		void this.#pollForEver();
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

	async ended(sessionId: string, byThisNode: boolean): Promise<void> {
		this.#revocations.end(sessionId, this.#now());
		if (byThisNode) await this.#shared?.end(sessionId);
	}

	async raised(userId: string, version: number, byThisNode: boolean): Promise<void> {
		this.#revocations.raise(userId, version, this.#now());
		if (byThisNode) await this.#shared?.raise(userId, version);
	}

	/** Whom the caller's token names. Throws when it is not, or no longer, good. */
	async principalOf(ctx: Context<unknown, Meta>): Promise<Principal | undefined> {
		const token = ctx.meta.accessToken;
		if (!token) return undefined;
		const principal = tokensOf(runtimeOf(this.#broker)).verify(token, isFirstHop(ctx));
		if (isFirstHop(ctx)) {
			if (this.#missing.size > 0) await this.#catchUp();
			await this.#shared?.learn(principal, this.#revocations, this.#now());
		}
		if (this.#revocations.isEnded(principal.sessionId)) throw unauthenticated();
		if (this.#revocations.hasOlderRoles(principal)) throw tokenExpired();
		return principal;
	}

	#now(): number {
		return runtimeOf(this.#broker).clock.now();
	}

	async #poll(): Promise<void> {
		const since = this.#now() - Revocations.rememberedMs;
		const patience = { timeout: answerWithinMs };
		const [sessions, roles] = await Promise.allSettled([
			ask(this.#broker, endedSessions, { since }, patience),
			ask(this.#broker, changedRoles, { since }, patience),
		]);
		if (sessions.status === "fulfilled") {
			for (const sessionId of sessions.value.sessionIds) this.#revocations.end(sessionId, this.#now());
			this.#missing.delete("sessions");
		}
		if (roles.status === "fulfilled") {
			for (const { userId, version } of roles.value.users) this.#revocations.raise(userId, version, this.#now());
			this.#missing.delete("roles");
		}
	}

	async #pollForEver(): Promise<void> {
		const { signal } = this.#stopping;
		while (!signal.aborted) {
			const pause = this.#missing.size > 0 ? pollMsWhileUnknowing : pollMs;
			await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
			if (!signal.aborted) await this.poll();
		}
	}

	/** Throws `service_unavailable` while nobody can say which sessions ended: a restart must not revive them. */
	async #catchUp(): Promise<void> {
		const until = performance.now() + patienceMs;
		for (;;) {
			await Promise.race([this.poll(), sleep(until - performance.now())]);
			if (this.#missing.size === 0) return;
			if (performance.now() >= until) throw serviceUnavailable({ retryAfterSeconds: 1 });
			await sleep(pollMsWhileUnknowing / 5);
		}
	}
}

/** A new middleware per broker: it keeps what that node knows. */
export function authorize(): Middleware {
	let watch: Watch;

	return {
		name: "Authorize",

		created(broker: ServiceBroker) {
			const isOwn = (ctx: Context) => ctx.nodeID === broker.nodeID;
			broker.createService({
				name: "$access",
				events: {
					[sessionEnded.name]: (ctx: Context<{ sessionId: string }>) => watch.ended(ctx.params.sessionId, isOwn(ctx)),
					[rolesVersionChanged.name]: (ctx: Context<{ userId: string; version: number }>) =>
						watch.raised(ctx.params.userId, ctx.params.version, isOwn(ctx)),
					// Broadcasts that were sent meanwhile are lost.
					"$transporter.connected": ({ params }: Context<{ wasReconnect: boolean }>) => (params.wasReconnect ? watch.poll() : undefined),
				},
				methods: { measurements: () => redisOf(broker)?.measurements() ?? [] },
			});
			watch = new Watch(broker);
		},

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
				const principal = contract.rest?.ignoresToken ? undefined : await watch.principalOf(ctx);
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
