// Two nodes that hear nothing of each other but what Redis says, and a node of a mesh that does not know yet which sessions ended.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import Type from "typebox";
import { readConfig } from "../lib/config.ts";
import { action, answer } from "../lib/contract.ts";
import { serviceUnavailable } from "../lib/failure.ts";
import type { Principal } from "../lib/principal.ts";
import { redisOf } from "../lib/redis.ts";
import { makeRuntime, setRuntime } from "../lib/runtime.ts";
import { tokensOf } from "../lib/tokens.ts";
import { endedSessions, sessionEnded } from "../services/identity/authentication/authentication.contract.ts";
import { changedRoles, rolesVersionChanged } from "../services/identity/authorization/authorization.contract.ts";
import { describeWith } from "../test/support/engines/describe-with.ts";
import { startServer, type TestServer } from "../test/support/engines/engines.ts";
import { eventually } from "../test/support/http.ts";
import { authorize } from "./authorize.ts";

const open = action({ name: "vault.open", summary: "Who asks?", allow: "user", params: Type.Object({}), returns: Type.Object({}) });

/** What authentication and authorization would say; each node asks its own stand-in. */
interface Identity {
	ended: string[];
	isAway: boolean;
}

function aNode(dataDir: string, env: Record<string, string>, identity: Identity) {
	const config = readConfig({ NODE_ENV: "test", STOA_DATA_DIR: dataDir, STOA_LOG_LEVEL: "fatal", ...env });
	const runtime = makeRuntime({ config });
	const broker = new ServiceBroker({
		logger: false,
		skipProcessEventRegistration: true,
		middlewares: [{ name: "Runtime", created: (made: ServiceBroker) => setRuntime(made, runtime) }, authorize()],
	});
	const orAway = <T>(said: T) => {
		if (identity.isAway) throw serviceUnavailable();
		return said;
	};
	broker.createService({ name: "vault", actions: { open: answer(open, () => ({})) } });
	broker.createService({
		name: "authentication",
		actions: { endedSessions: answer(endedSessions, () => orAway({ sessionIds: identity.ended })) },
	});
	broker.createService({ name: "authorization", actions: { changedRoles: answer(changedRoles, () => orAway({ users: [] })) } });
	const tokenOf = (given: Partial<Principal> = {}) =>
		tokensOf(runtime).sign({ userId: "usr_ada", sessionId: "ses_1", roles: ["customer"], roleVersion: 3, ...given });
	return { broker, tokenOf, enter: (token: string) => broker.call("vault.open", {}, { meta: { accessToken: token } }) };
}
const refusal = (type: string) => expect.objectContaining({ type });

let dataDir: string;
beforeEach(() => {
	dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-access-"));
});
afterEach(() => fs.rmSync(dataDir, { recursive: true }));

describe("a node that joins a mesh", () => {
	const env = { STOA_NATS_URL: "nats://127.0.0.1:4222" };

	it("refuses every token for now while nobody can say which sessions ended, and no anonymous call", async () => {
		const identity = { ended: ["ses_1"], isAway: true };
		const { broker, tokenOf, enter } = aNode(dataDir, env, identity);
		await broker.start();
		try {
			await expect(enter(tokenOf({ sessionId: "ses_2" }))).rejects.toEqual(refusal("service_unavailable"));
			await expect(broker.call("vault.open")).rejects.toEqual(refusal("unauthenticated"));
			identity.isAway = false;
			await eventually(
				() =>
					enter(tokenOf({ sessionId: "ses_2" })).then(
						() => true,
						() => false,
					),
				Boolean,
			);
			await expect(enter(tokenOf())).rejects.toEqual(refusal("unauthenticated"));
		} finally {
			await broker.stop();
		}
	});
});

describeWith("own redis")("two nodes with one Redis", () => {
	let server: TestServer;
	let nodes: ReturnType<typeof aNode>[];
	let identities: Identity[];
	let made = 0;

	beforeAll(async () => {
		server = await startServer("redis", { appendOnly: false });
	});
	afterAll(() => server.remove());

	beforeEach(async () => {
		identities = [0, 1].map(() => ({ ended: [], isAway: false }));
		const env = { STOA_REDIS_URL: server.url, STOA_NAMESPACE: `access${++made}` };
		nodes = identities.map(identity => aNode(dataDir, env, identity));
		await Promise.all(nodes.map(({ broker }) => broker.start()));
		await Promise.all(nodes.map(({ broker }) => redisOf(broker)!.opened(5000)));
	});
	afterEach(() => Promise.all(nodes.map(({ broker }) => broker.stop())));

	const end = (sessionId: string) => nodes[0]!.broker.broadcast(sessionEnded.name, { sessionId });

	it("refuse an ended session from the moment its end was announced, on the one that heard no broadcast too", async () => {
		const [, deaf] = nodes as [unknown, (typeof nodes)[0]];
		expect(await deaf.enter(deaf.tokenOf())).toEqual({});
		await end("ses_1");
		await expect(deaf.enter(deaf.tokenOf())).rejects.toEqual(refusal("unauthenticated"));
		expect(await deaf.enter(deaf.tokenOf({ sessionId: "ses_2" }))).toEqual({});
	});

	it("ask for a new token when roles changed, and a change that is told late does not hide a newer one", async () => {
		const [teller, deaf] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
		for (const version of [5, 4]) await teller.broker.broadcast(rolesVersionChanged.name, { userId: "usr_ada", version });
		await expect(deaf.enter(deaf.tokenOf({ roleVersion: 4 }))).rejects.toEqual(refusal("token_expired"));
		expect(await deaf.enter(deaf.tokenOf({ roleVersion: 5 }))).toEqual({});
	});

	it("go on refusing what they know when Redis was emptied, is paused, or is gone", async () => {
		const [teller, deaf] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
		await end("ses_1");
		await expect(deaf.enter(deaf.tokenOf())).rejects.toEqual(refusal("unauthenticated"));
		await redisOf(teller.broker)!.ask(client => client.flushall());
		for (const { enter, tokenOf } of nodes) await expect(enter(tokenOf())).rejects.toEqual(refusal("unauthenticated"));
		server.pause();
		try {
			for (const { enter, tokenOf } of nodes) {
				await expect(enter(tokenOf())).rejects.toEqual(refusal("unauthenticated"));
				expect(await enter(tokenOf({ sessionId: "ses_2" }))).toEqual({});
			}
			await end("ses_3");
			await expect(teller.enter(teller.tokenOf({ sessionId: "ses_3" }))).rejects.toEqual(refusal("unauthenticated"));
		} finally {
			server.resume();
		}
		await server.kill();
		expect(await deaf.enter(deaf.tokenOf({ sessionId: "ses_2" }))).toEqual({});
		await server.restart({ wipe: true });
	});

	it("learn by their poll what neither a broadcast nor Redis told them", async () => {
		const [, deaf] = nodes as [unknown, (typeof nodes)[0]];
		expect(await deaf.enter(deaf.tokenOf())).toEqual({});
		identities[1]!.ended = ["ses_1"];
		await eventually(
			() =>
				deaf.enter(deaf.tokenOf()).then(
					() => "in",
					error => error.type,
				),
			seen => seen === "unauthenticated",
		);
	});
});
