// Facts, sagas and log lines name the request and the actor they come from, wherever the work goes on.
import type { Context, Middleware, ServiceBroker } from "moleculer";
import type { Locals, Meta } from "../lib/contract.ts";
import { actorOf } from "../lib/principal.ts";
import { currentScope, type Scope, withScope } from "../lib/scope.ts";

/** The actor of a call is the proven principal; a step of somebody's work on another service stays in that one's name. */
function scopeOf(ctx: Context<unknown, Meta, Locals>, carried: Scope | undefined): Scope | undefined {
	const request = ctx.meta.request;
	if (!request) return carried;
	const principal = ctx.locals?.principal;
	return {
		requestId: request.id,
		traceparent: request.traceparent ?? null,
		actor: principal ? actorOf(principal) : (carried?.actor ?? null),
	};
}

export const requestScope: Middleware = {
	name: "RequestScope",

	localAction(this: ServiceBroker, next: (ctx: Context) => Promise<unknown>) {
		return (ctx: Context<unknown, Meta, Locals>) => {
			// Within a process the work carries its scope itself; what came from another node brings it along.
			const carried = ctx.nodeID === this.nodeID ? currentScope() : ctx.meta.scope;
			return withScope(scopeOf(ctx, carried), () => next(ctx));
		};
	},

	remoteAction(next: (ctx: Context) => Promise<unknown>) {
		return (ctx: Context<unknown, Meta, Locals>) => {
			ctx.meta.scope = currentScope();
			return next(ctx);
		};
	},
};
