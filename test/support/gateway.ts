// The gateway over contracts of a test's own, answered by a stub service, and a client that shows every byte.
import fs from "node:fs";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { type Context, type Service, ServiceBroker, type ServiceSchema } from "moleculer";
import { type Catalogue, catalogueOf, libraryModules } from "../../lib/catalogue.ts";
import { handClock } from "../../lib/clock.ts";
import { readConfig } from "../../lib/config.ts";
import { type ActionContract, answer, type Locals, type Meta } from "../../lib/contract.ts";
import type { Role } from "../../lib/principal.ts";
import { makeRuntime, type Runtime } from "../../lib/runtime.ts";
import { tokensOf } from "../../lib/tokens.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import * as gatewayContract from "../../services/edge/gateway/gateway.contract.ts";
import { gatewayOver } from "../../services/edge/gateway/gateway.service.ts";

export type StubContext = Context<Record<string, unknown>, Meta, Locals>;
export type StubHandler = (ctx: StubContext) => unknown;

export interface Response {
	status: number;
	headers: http.IncomingHttpHeaders;
	text: string;
	/** The parsed body; undefined when it is empty or no JSON. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
	body: any;
}

export interface Sending {
	headers?: http.OutgoingHttpHeaders;
	/** Sent as JSON, unless it is text or bytes already. */
	body?: unknown;
}

export interface GatewayUnderTest {
	broker: ServiceBroker;
	runtime: Runtime;
	clock: ReturnType<typeof handClock>;
	port: number;
	send(method: string, path: string, sending?: Sending): Promise<Response>;
	/** Writes these very bytes on a connection and reads until it closes, or `until` is in what came. */
	raw(bytes: string, until?: string): Promise<string>;
	bearer(userId: string, roles?: readonly Role[]): { authorization: string };
	stop(): Promise<void>;
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function request(
	to: { port: number; agent: http.Agent },
	method: string,
	target: string,
	{ headers = {}, body }: Sending,
): Promise<Response> {
	const isRaw = typeof body === "string" || Buffer.isBuffer(body);
	const bytes = body === undefined ? undefined : isRaw ? (body as string | Buffer) : JSON.stringify(body);
	const type = bytes === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(bytes) };
	return new Promise((resolve, reject) => {
		const req = http.request({ ...to, method, path: target, headers: { ...type, ...headers } }, res => {
			const chunks: Buffer[] = [];
			res.on("data", (chunk: Buffer) => chunks.push(chunk));
			res.on("end", () => {
				const text = Buffer.concat(chunks).toString("utf8");
				resolve({ status: res.statusCode!, headers: res.headers, text, body: parsed(text) });
			});
		});
		req.on("error", reject);
		req.end(bytes);
	});
}

function rawRequest(port: number, bytes: string, until?: string): Promise<string> {
	return new Promise((resolve, reject) => {
		let text = "";
		const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
		socket.on("data", chunk => {
			text += chunk.toString("latin1");
			if (until !== undefined && text.includes(until)) socket.destroy();
		});
		socket.on("close", () => resolve(text));
		socket.on("error", reject);
	});
}

/** A service that answers contracts with the given handlers; a contract without one has its service away. */
function stubService(name: string, answered: readonly [ActionContract, StubHandler][]): ServiceSchema {
	const actions = answered.map(
		([contract, handler]) => [contract.name.slice(name.length + 1), answer(contract, handler as never)] as const,
	);
	return { name, actions: Object.fromEntries(actions) } as unknown as ServiceSchema;
}

export async function startGateway(given: {
	contracts: Record<string, unknown>;
	answers: readonly [ActionContract, StubHandler][];
	env?: Record<string, string>;
	also?: readonly ServiceSchema[];
}): Promise<GatewayUnderTest> {
	const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-gateway-"));
	const env = { NODE_ENV: "test", STOA_DATA_DIR: dataDir, STOA_PORT: "0", STOA_OPS_PORT: "0", STOA_LOG_LEVEL: "fatal", ...given.env };
	const clock = handClock();
	const runtime = makeRuntime({ config: readConfig(env), clock });
	const broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
	const contracts = async (): Promise<Catalogue> =>
		catalogueOf([...libraryModules, { from: "gateway", exports: gatewayContract }, { from: "the test", exports: given.contracts }]);
	const gateway = broker.createService(gatewayOver(contracts)) as Service & { server: http.Server };
	const byService = Object.groupBy(given.answers, ([contract]) => contract.name.slice(0, contract.name.indexOf(".")));
	for (const [name, answered] of Object.entries(byService)) broker.createService(stubService(name, answered!));
	for (const schema of given.also ?? []) broker.createService(schema);
	const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
	const stop = async () => {
		await broker.stop();
		fs.rmSync(dataDir, { recursive: true, force: true });
	};
	try {
		await broker.start();
	} catch (error) {
		await stop();
		throw error;
	}
	const { port } = gateway.server.address() as AddressInfo;
	return {
		broker,
		runtime,
		clock,
		port,
		send: (method, target, sending = {}) => request({ port, agent }, method, target, sending),
		raw: (bytes, until) => rawRequest(port, bytes, until),
		bearer: (userId, roles = ["customer"]) => ({
			authorization: `Bearer ${tokensOf(runtime).sign({ userId, sessionId: `ses_${userId}`, roles, roleVersion: Number.MAX_SAFE_INTEGER })}`,
		}),
		stop,
	};
}
