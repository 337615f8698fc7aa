// Who asks is proven on the node that answers: the signed token is verified here, never believed from the caller's meta.
// Ended sessions and changed roles reach every node by broadcast, and by a poll of what a lost broadcast would have said.
import type { Context, Middleware, ServiceBroker } from "moleculer";
import { type AnsweredAction, ask, type Locals, type Meta } from "../lib/contract.ts";
import { permissionMissing, tokenExpired, unauthenticated } from "../lib/failure.ts";
import { mayDo, type Principal } from "../lib/principal.ts";
import { Revocations } from "../lib/revocations.ts";
import { runtimeOf } from "../lib/runtime.ts";
import { tokensOf } from "../lib/tokens.ts";
import { endedSessions, sessionEnded } from "../services/identity/authentication/authentication.contract.ts";
import { accessRefused, changedRoles, rolesVersionChanged } from "../services/identity/authorization/authorization.contract.ts";

const pollMs = 5000;

/** The caller is the gateway or nobody: only there an expired token is refused, so that work under way does not break in its middle. */
const isFirstHop = (ctx: Context) => !ctx.caller || ctx.caller === "gateway";

function principalOf(broker: ServiceBroker, revocations: Revocations, ctx: Context<unknown, Meta>): Principal | undefined {
	const token = ctx.meta.accessToken;
	if (!token) return undefined;
	const principal = tokensOf(runtimeOf(broker)).verify(token, isFirstHop(ctx));
	if (revocations.isEnded(principal.sessionId)) throw unauthenticated();
	if (revocations.hasOlderRoles(principal)) throw tokenExpired();
	return principal;
}

/** A new middleware per broker: it keeps what that node knows of ended sessions. */
export function authorize(): Middleware {
	const revocations = new Revocations();
	let polling: NodeJS.Timeout | undefined;
	let stopped = false;

	async function poll(broker: ServiceBroker): Promise<void> {
		const since = runtimeOf(broker).clock.now() - Revocations.rememberedMs;
		const [sessions, roles] = await Promise.allSettled([ask(broker, endedSessions, { since }), ask(broker, changedRoles, { since })]);
		if (sessions.status === "fulfilled")
			for (const sessionId of sessions.value.sessionIds) revocations.end(sessionId, runtimeOf(broker).clock.now());
		if (roles.status === "fulfilled")
			for (const { userId, version } of roles.value.users) revocations.raise(userId, version, runtimeOf(broker).clock.now());
	}

	return {
		name: "Authorize",

		created(broker: ServiceBroker) {
			const now = () => runtimeOf(broker).clock.now();
			broker.createService({
				name: "$access",
				events: {
					[sessionEnded.name]: (ctx: Context<{ sessionId: string }>) => revocations.end(ctx.params.sessionId, now()),
					[rolesVersionChanged.name]: (ctx: Context<{ userId: string; version: number }>) =>
						revocations.raise(ctx.params.userId, ctx.params.version, now()),
				},
			});
		},

		async started(broker: ServiceBroker) {
			const again = async () => {
				await poll(broker);
				if (!stopped) polling = setTimeout(again, pollMs).unref();
			};
			await again();
		},

		async stopping() {
			stopped = true;
			clearTimeout(polling);
		},

		localAction(this: ServiceBroker, next: (ctx: Context) => Promise<unknown>, action: unknown) {
			const { contract } = action as AnsweredAction;
			if (!contract || contract.allow === "internal") return next;
			const { allow } = contract;
			const permission = allow === "public" || allow === "user" ? undefined : allow;
			// Async, so that a refusal is always a rejection and never thrown at the caller's feet.
			return async (ctx: Context<unknown, Meta, Locals>) => {
				const principal = contract.rest?.ignoresToken ? undefined : principalOf(this, revocations, ctx);
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
