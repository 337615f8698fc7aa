// Calls between nodes when something is down: refused at once while NATS is away, taken to another node when one never got them, and cut short
// early enough that what may be repeated still finds its time.
import type { Context, Middleware, ServiceBroker } from "moleculer";
import type { NatsConnection } from "nats";
import { serviceUnavailable } from "../lib/failure.ts";
import { type Line, lineOf } from "../lib/line.ts";

// A node that was killed is noticed at once; one that is paused or cut off answers nothing until its heartbeat is missed. Whoever may ask again does so
// long before; the deeper the call the sooner, so that the one who asked on another's behalf has time for a second try itself. Shorter would make
// a busy node's answers late and its work double.
const repeatableMs = { outermost: 3000, nested: 1500 };
/** The gateway's call to a service; what that one asks of others is nested. */
const outermostLevel = 2;
// The framework looks for missed heartbeats once in a heartbeat timeout, which doubles the time until a death is noticed.
const checkNodesMs = 1000;
const deliveriesMax = 4;

interface Transport {
	tx: { client: NatsConnection | null };
}
type RemoteAction = { name: string; timeout?: number; retryPolicy?: { enabled?: boolean } };
type Call = Promise<unknown> & { ctx?: Context };
type Next = (name: string, params: unknown, options: object) => Call;

const transportOf = (broker: ServiceBroker) => (broker as unknown as { transit?: Transport }).transit;
const isStopping = (broker: ServiceBroker) => (broker as unknown as { stopping: boolean }).stopping;
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

/** Follows the client's own news. Ends the process when the client gave up: a node that says it is there and hears nobody is worse than none. */
async function watch(broker: ServiceBroker, client: NatsConnection, line: Line): Promise<void> {
	line.up = true;
	client.closed().then(error => {
		line.up = false;
		if (isStopping(broker)) return;
		broker.logger.fatal("The connection to NATS was closed for good; this node ends.", error ?? "");
		process.kill(process.pid, "SIGTERM");
	});
	for await (const { type } of client.status()) {
		if (type === "disconnect") line.up = false;
		if (type === "reconnect") line.up = true;
		if (type === "disconnect" || type === "reconnect")
			broker.logger.warn(line.up ? "NATS is back" : "NATS is away: calls to other nodes are refused");
	}
}

/** The mesh found nobody to hand this very call to: nothing was executed. The same error of a call further in was an answer. */
function neverDelivered(error: unknown, action: string): boolean {
	const { name, data } = error as { name?: string; data?: { action?: string } };
	return (name === "ServiceNotFoundError" || name === "ServiceNotAvailableError") && data?.action === action;
}

/** Tries again what nobody got. The context of the call that went through is kept beside the promise: callers read its meta there. */
function deliver(broker: ServiceBroker, next: Next, call: Parameters<Next>): Call {
	const first = next(...call);
	const promise: Call = first.catch(async (error: unknown) => {
		for (let attempt = 1, last = error; ; attempt++) {
			if (attempt >= deliveriesMax || !neverDelivered(last, call[0]) || !lineOf(broker).up) throw last;
			await pause(50 * 2 ** attempt);
			try {
				const again = next(...call);
				promise.ctx = again.ctx;
				return await again;
			} catch (failed) {
				last = failed;
			}
		}
	});
	return promise;
}

/** A new middleware per broker with a transporter. */
export function meshLine(): Middleware {
	let checking: NodeJS.Timeout | undefined;
	let own: ServiceBroker;
	return {
		name: "MeshLine",

		created(broker: ServiceBroker) {
			own = broker;
			const line = lineOf(broker);
			line.up = false;
			broker.localBus.on("$transporter.connected", () => {
				const client = transportOf(broker)?.tx.client;
				if (client) void watch(broker, client, line);
			});
		},

		async started(broker: ServiceBroker) {
			const { discoverer } = broker.registry as unknown as { discoverer: { checkRemoteNodes(): void } };
			checking = setInterval(() => discoverer.checkRemoteNodes(), checkNodesMs).unref();
		},

		async stopped() {
			clearInterval(checking);
		},

		// Moleculer's types have the returned function already called; and this hook is the one that it calls without the broker as its `this`.
		call: ((next: Next) => (name: string, params: unknown, options: object) =>
			deliver(own, next, [name, params, options])) as unknown as Middleware["call"],

		remoteAction(this: ServiceBroker, next: (ctx: Context) => Promise<unknown>, action: unknown) {
			const line = lineOf(this);
			const { timeout, retryPolicy } = action as RemoteAction;
			const repeatable = timeout === undefined && retryPolicy?.enabled === true;
			return (ctx: Context) => {
				if (!line.up) return this.Promise.reject(serviceUnavailable());
				if (repeatable) {
					const options = ctx.options as { timeout?: number };
					const most = ctx.level <= outermostLevel ? repeatableMs.outermost : repeatableMs.nested;
					options.timeout = Math.min(options.timeout || most, most);
				}
				return next(ctx);
			};
		},
	};
}
