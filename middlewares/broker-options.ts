// How every node of the mesh runs. Each setting differs from the framework's default for a measured reason.
import os from "node:os";
import moleculer, { type BrokerOptions, type Middleware } from "moleculer";
import { logLine } from "../lib/log-line.ts";
import { type Runtime, setRuntime } from "../lib/runtime.ts";
import { authorize } from "./authorize.ts";
import { dataFolder } from "./data-folder.ts";
import { durableEvents } from "./durable-events.ts";
import { meshLine } from "./mesh-line.ts";
import { membershipOf, meshMembers } from "./mesh-members.ts";
import { AnsweringNodes, meshNodes } from "./mesh-nodes.ts";
import { natsOptions } from "./nats-options.ts";
import { operationsPort } from "./operations-port.ts";
import { operatorNode } from "./operator-node.ts";
import { operatorSocket } from "./operator-socket.ts";
import { requestScope } from "./request-scope.ts";
import { validation } from "./validation.ts";

/** Two nodes of one id stop each other, so the name says which services, which host and which process. */
function nodeIdOf(runtime: Runtime): string {
	const { nodeId, services } = runtime.config;
	return nodeId ?? `${services.replaceAll(/[^a-zA-Z0-9]+/g, "-") || "stoa"}-${os.hostname()}-${process.pid}`;
}

/**
 * Innermost first, as Moleculer stacks them: validation touches the handler, metrics the caller. Timeout stands inside the circuit breaker:
 * the other way round the breaker never sees a timeout.
 */
function aroundCalls(runtime: Runtime, inner: readonly Middleware[] = []): Middleware[] {
	const { ActionHook, Bulkhead, ContextTracker, Timeout, CircuitBreaker, Retry, ErrorHandler } = (
		moleculer as unknown as { Middlewares: Record<string, Middleware> }
	).Middlewares;
	return [
		// Its `created` hook runs before any other: every service and middleware asks the broker for its runtime.
		{ name: "Runtime", created: broker => setRuntime(broker, runtime) },
		ActionHook!,
		requestScope,
		validation,
		...inner,
		Bulkhead!,
		ContextTracker!,
		Timeout!,
		CircuitBreaker!,
		Retry!,
		ErrorHandler!,
		...(runtime.config.nats ? [meshNodes(), meshLine()] : []),
	];
}

function middlewares(runtime: Runtime): Middleware[] {
	return [
		...aroundCalls(runtime, [authorize()]),
		...(runtime.config.nats ? [meshMembers] : []),
		dataFolder,
		durableEvents(),
		operatorSocket(),
		operationsPort(),
		// The last is the first to hear of the end.
		operatorNode(),
	];
}

/** How calls travel, for whoever joins the mesh. */
function meshOptions(runtime: Runtime, nodeID: string): BrokerOptions {
	const { config } = runtime;
	return {
		namespace: config.namespace,
		nodeID,
		...(config.nats
			? {
					transporter: { type: "NATS", options: natsOptions(config.nats, nodeID) },
					serializer: "CBOR",
					registry: { strategy: AnsweringNodes },
				}
			: {}),
		// Calls to a node that was killed would never settle with the default of 0.
		requestTimeout: 8000,
		// After the death of one of two nodes every second call fails until its heartbeat is missed.
		heartbeatInterval: 2,
		heartbeatTimeout: 6,
		// Calls in flight end before the process does.
		tracking: { enabled: true, shutdownTimeout: 10_000 },
		// Each action that is `idempotent` switches this on for itself, and only those.
		// Only what the mesh could not deliver is sent again. A refusal of ours was an answer: repeating it at every hop of a chain would multiply
		// (measured: one read of a cart without its catalogue became 16 calls and took 3.5 s).
		retryPolicy: {
			enabled: false,
			retries: 3,
			delay: 100,
			maxDelay: 1000,
			factor: 2,
			check: error =>
				(error as { retryable?: boolean }).retryable === true && (error as { data?: { kind?: string } }).data?.kind === undefined,
		},
		circuitBreaker: {
			enabled: true,
			threshold: 0.5,
			minRequestCount: 20,
			windowTime: 30,
			halfOpenTime: 3000,
			// A refusal of the business says nothing of the node's health, and a provider that is away is the callee's news, not its illness.
			check: error =>
				(error as { code?: number; data?: { kind?: string } }).data?.kind === undefined &&
				((error as { code?: number }).code ?? 500) >= 500,
		},
		bulkhead: { enabled: false, concurrency: 10, maxQueueSize: 100 },
		contextParamsCloning: config.cloneParams,
		internalServices: true,
		internalMiddlewares: false,
		validator: true,
		metrics: false,
		tracing: false,
	};
}

export function brokerOptions(runtime: Runtime): BrokerOptions {
	const { config } = runtime;
	return {
		...meshOptions(runtime, nodeIdOf(runtime)),
		...(config.nats ? { metadata: { stoa: membershipOf(runtime) } } : {}),
		logger: {
			type: "Console",
			options: {
				level: config.logLevel,
				formatter: (level: string, parts: unknown[], bindings?: object) => [logLine(level, parts, bindings, runtime.clock.now())],
			},
		},
		middlewares: middlewares(runtime),
	};
}

/** An operator's own node: it calls and is seen. It runs no service, owns no data, and needs none of the secrets that the others share. */
export function operatorOptions(runtime: Runtime, nodeID = `repl-${os.hostname()}-${process.pid}`): BrokerOptions {
	return {
		...meshOptions(runtime, nodeID),
		// What it has to say it says to the operator.
		logger: false,
		// Ctrl-C is the prompt's.
		skipProcessEventRegistration: true,
		middlewares: [...aroundCalls(runtime), operatorNode()],
	};
}
