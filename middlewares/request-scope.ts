// Facts, sagas and log lines name the request and the actor they come from, wherever the work goes on.
import type { Context, Middleware } from "moleculer";
import type { Locals, Meta } from "../lib/contract.ts";
import { actorOf } from "../lib/principal.ts";
import { withScope } from "../lib/scope.ts";

export const requestScope: Middleware = {
	name: "RequestScope",
	localAction(next: (ctx: Context) => Promise<unknown>) {
		return (ctx: Context<unknown, Meta, Locals>) => {
			const request = ctx.meta.request;
			// A call from a saga or listener has no request of its own: it keeps the scope it runs in.
			if (!request) return next(ctx);
			const principal = ctx.locals?.principal;
			const actor = principal ? actorOf(principal) : null;
			return withScope({ requestId: request.id, traceparent: request.traceparent ?? null, actor }, () => next(ctx));
		};
	},
};
