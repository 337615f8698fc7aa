// Joins a running mesh as a node of its own, without services and without the secrets that the others share.
import os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import moleculer, { type ServiceBroker } from "moleculer";
import { connect, ErrorCode, type NatsError } from "nats";
import type { Config, NatsSettings } from "../../lib/config.ts";
import { codeOf } from "../../lib/failure.ts";
import { lineOf } from "../../lib/line.ts";
import { type Mesh, OperatorCallError } from "../../lib/operator-socket.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { withScope } from "../../lib/scope.ts";
import { operatorOptions } from "../../middlewares/broker-options.ts";
import { natsOptions } from "../../middlewares/nats-options.ts";
import { NotRunning } from "./execute.ts";

const connectWithinMs = 5000;
const quietMs = 300;
const nobodyMs = 2000;
// As through the socket: a replay may take so long.
const callWithinMs = 60_000;

/** Who sits here, for the facts and the audit. */
function operatorName(): string {
	try {
		return `${os.userInfo().username}@${os.hostname()}`;
	} catch {
		// A container may run under a number that has no name.
		return `repl@${os.hostname()}`;
	}
}

/** The framework would wait for NATS for ever and say nothing: asked once beforehand, what is wrong is told as a sentence. */
async function knock(nats: NatsSettings): Promise<void> {
	const once = { ...natsOptions(nats, "repl"), waitOnFirstConnect: false, reconnect: false, timeout: connectWithinMs };
	const servers = nats.servers.join(", ");
	try {
		await (await connect(once)).close();
	} catch (error) {
		const refused = [ErrorCode.AuthorizationViolation, ErrorCode.AuthenticationExpired, ErrorCode.PermissionsViolation];
		if (refused.includes((error as NatsError).code as ErrorCode))
			throw new NotRunning(
				nats.user
					? `NATS at ${servers} does not let ${nats.user} in. Check STOA_NATS_USER and STOA_NATS_PASSWORD.`
					: `NATS at ${servers} wants credentials. Set STOA_NATS_USER and STOA_NATS_PASSWORD.`,
			);
		throw new NotRunning(`NATS at ${servers} cannot be reached (${(error as Error).message}). Check STOA_NATS_URL, or start it.`);
	}
}

/** Nodes introduce themselves one after the other, a busy one late: resolves when no more come, or nobody has. */
async function untilMet(broker: ServiceBroker): Promise<void> {
	let newest = 0;
	broker.localBus.on("$node.connected", () => {
		newest = performance.now();
	});
	const began = performance.now();
	while (newest ? performance.now() - newest < quietMs : performance.now() - began < nobodyMs) await sleep(20);
}

/** Under a name of this process's, or under the one given: two nodes of one name stop each other. Throws {@link NotRunning}. */
export async function joinMesh(config: Config, nodeId?: string): Promise<Mesh> {
	const nats = config.nats!;
	await knock(nats);
	const broker = new moleculer.ServiceBroker(operatorOptions(makeRuntime({ config }), nodeId));
	const settled = untilMet(broker);
	await broker.start();
	await settled;
	const scope = { requestId: null, traceparent: null, actor: { kind: "operator" as const, id: operatorName() } };
	return {
		async call(action, params = {}) {
			if (!lineOf(broker).up)
				throw new OperatorCallError({
					code: "service_unavailable",
					message: `NATS at ${nats.servers.join(", ")} is away; this prompt goes on by itself when it is back.`,
				});
			try {
				return (await withScope(scope, () => broker.call(action, params, { timeout: callWithinMs }))) ?? null;
			} catch (error) {
				const { message, name, data } = error as Error & { data?: unknown };
				throw new OperatorCallError({ code: codeOf(error) ?? name, message, data });
			}
		},
		close: () => broker.stop(),
	};
}
