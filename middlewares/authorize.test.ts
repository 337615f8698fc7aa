// Who asks is proven on the node that answers: every way in, and what becomes of a token whose session ended or whose roles changed.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Context, ServiceBroker } from "moleculer";
import Type from "typebox";
import { handClock } from "../lib/clock.ts";
import { readConfig } from "../lib/config.ts";
import { type Allow, action, answer, hear, type Locals, type Meta, type Route } from "../lib/contract.ts";
import { serviceUnavailable } from "../lib/failure.ts";
import type { Principal } from "../lib/principal.ts";
import { makeRuntime, type Runtime } from "../lib/runtime.ts";
import { defineService } from "../lib/service.ts";
import { accessTokenSeconds, tokensOf } from "../lib/tokens.ts";
import { endedSessions, sessionEnded } from "../services/identity/authentication/authentication.contract.ts";
import { accessRefused, changedRoles, rolesVersionChanged } from "../services/identity/authorization/authorization.contract.ts";
import { brokerOptions } from "./broker-options.ts";

const declared = (name: string, allow: Allow, rest?: Partial<Route>) =>
	action({
		name: `vault.${name}`,
		summary: "Who asks?",
		allow,
		params: Type.Object({}),
		returns: Type.Object({ userId: Type.Union([Type.String(), Type.Null()]) }),
		...(rest ? { rest: { method: "GET", path: `/v1/${name}`, ...rest } } : {}),
	});
const look = declared("look", "public");
const open = declared("open", "user");
const empty = declared("empty", "payments:refund");
const count = declared("count", "internal");
const enter = declared("enter", "public", { ignoresToken: true });

const who = (ctx: Context<unknown, Meta, Locals>) => ({ userId: ctx.locals.principal?.userId ?? null });

describe("a call", () => {
	const clock = handClock();
	let dataDir: string;
	let broker: ServiceBroker;
	let runtime: Runtime;
	let ended: string[];
	let changed: { userId: string; version: number }[];
	let identityIsAway: boolean;
	let refused: unknown[];

	async function start(): Promise<void> {
		const config = readConfig({ NODE_ENV: "test", STOA_DATA_DIR: dataDir, STOA_OPS_PORT: "0", STOA_LOG_LEVEL: "fatal" });
		runtime = makeRuntime({ config, clock });
		broker = new ServiceBroker({ ...brokerOptions(runtime), skipProcessEventRegistration: true });
		broker.createService(
			defineService({
				name: "vault",
				actions: Object.fromEntries(
					[look, open, empty, count, enter].map(contract => [contract.name.split(".")[1]!, answer(contract, who)]),
				),
			}),
		);
		// Stands between the caller and the vault, as one service does before another.
		broker.createService({ name: "hall", actions: { pass: (ctx: Context) => ctx.call("vault.open") } });
		broker.createService({ name: "gateway", actions: { knock: (ctx: Context) => ctx.call("vault.open") } });
		broker.createService(
			defineService({
				name: "authentication",
				actions: {
					endedSessions: answer(endedSessions, () => {
						if (identityIsAway) throw serviceUnavailable();
						return { sessionIds: ended };
					}),
				},
			}),
		);
		broker.createService(
			defineService({
				name: "authorization",
				actions: { changedRoles: answer(changedRoles, () => ({ users: changed })) },
				events: { ...hear(accessRefused, ({ params }) => void refused.push(params)) },
			}),
		);
		await broker.start();
	}

	beforeEach(async () => {
		dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-access-"));
		[ended, changed, refused, identityIsAway] = [[], [], [], false];
		await start();
	});
	afterEach(async () => {
		await broker.stop();
		fs.rmSync(dataDir, { recursive: true });
	});

	const principal: Principal = { userId: "usr_ada", sessionId: "ses_1", roles: ["customer"], roleVersion: 3 };
	const token = (given: Partial<Principal> = {}) => tokensOf(runtime).sign({ ...principal, ...given });
	const call = (name: string, accessToken?: string, meta: Meta = {}) =>
		broker.call(name, {}, { meta: { ...meta, ...(accessToken ? { accessToken } : {}) } });
	const refusal = (type: string) => expect.objectContaining({ type });

	it("without a token is anonymous where anybody may ask, and refused everywhere else", async () => {
		expect(await call("vault.look")).toEqual({ userId: null });
		for (const name of ["vault.open", "vault.empty"]) await expect(call(name)).rejects.toEqual(refusal("unauthenticated"));
	});

	it("is made by whom the token says, never by whom the caller claims to be", async () => {
		const claim = { principal: { userId: "usr_eve", roles: ["admin"] } } as Meta;
		expect(await call("vault.look", token(), claim)).toEqual({ userId: "usr_ada" });
		await expect(call("vault.open", undefined, claim)).rejects.toEqual(refusal("unauthenticated"));
	});

	it("with a token that is none is refused, also where none is needed; only signing in does not look at it", async () => {
		for (const wrong of ["nonsense", `${token().slice(0, -4)}AAAA`]) {
			for (const name of ["vault.look", "vault.open"]) await expect(call(name, wrong)).rejects.toEqual(refusal("unauthenticated"));
			expect(await call("vault.enter", wrong)).toEqual({ userId: null });
		}
	});

	it("needs the permission that is declared, and a refusal is heard of", async () => {
		expect(await call("vault.empty", token({ roles: ["finance"] }))).toEqual({ userId: "usr_ada" });
		expect(await call("vault.empty", token({ roles: ["admin"] }))).toEqual({ userId: "usr_ada" });
		const request = { id: "req_1", method: "POST", path: "/", address: "127.0.0.1" };
		await expect(call("vault.empty", token(), { request })).rejects.toEqual(refusal("permission_missing"));
		expect(refused).toEqual([{ userId: "usr_ada", action: "vault.empty", permission: "payments:refund", requestId: "req_1" }]);
	});

	it("inside the mesh is not asked for a token, and none makes it anybody's", async () => {
		expect(await call("vault.count")).toEqual({ userId: null });
		expect(await call("vault.count", "nonsense")).toEqual({ userId: null });
	});

	it("with an expired token is refused at the door, and carried to its end behind it", async () => {
		const held = token();
		clock.move(accessTokenSeconds * 1000);
		for (const name of ["vault.open", "gateway.knock"]) await expect(call(name, held)).rejects.toEqual(refusal("token_expired"));
		expect(await call("hall.pass", held)).toEqual({ userId: "usr_ada" });
	});

	it("of a session that ended is refused at once, at the door and behind it; other sessions go on", async () => {
		const held = token();
		expect(await call("vault.open", held)).toEqual({ userId: "usr_ada" });
		await broker.broadcast(sessionEnded.name, { sessionId: "ses_1" });
		for (const name of ["vault.open", "hall.pass", "vault.look"])
			await expect(call(name, held)).rejects.toEqual(refusal("unauthenticated"));
		expect(await call("vault.open", token({ sessionId: "ses_2" }))).toEqual({ userId: "usr_ada" });
	});

	it("with roles from before a change asks for a new token", async () => {
		await broker.broadcast(rolesVersionChanged.name, { userId: "usr_ada", version: 4 });
		// An older message that comes late changes nothing.
		await broker.broadcast(rolesVersionChanged.name, { userId: "usr_ada", version: 2 });
		await expect(call("vault.open", token())).rejects.toEqual(refusal("token_expired"));
		expect(await call("vault.open", token({ roleVersion: 4 }))).toEqual({ userId: "usr_ada" });
	});

	it("is refused by what was told while this node was away", async () => {
		await broker.stop();
		ended = ["ses_1"];
		changed = [{ userId: "usr_bob", version: 9 }];
		await start();
		await expect(call("vault.open", token())).rejects.toEqual(refusal("unauthenticated"));
		await expect(call("vault.open", token({ userId: "usr_bob", sessionId: "ses_2" }))).rejects.toEqual(refusal("token_expired"));
	});

	it("is answered while nobody can be asked which sessions ended", async () => {
		await broker.stop();
		identityIsAway = true;
		await start();
		expect(await call("vault.open", token())).toEqual({ userId: "usr_ada" });
	});

	it("of an ended session stays refused for as long as one of its tokens could live", async () => {
		await broker.broadcast(sessionEnded.name, { sessionId: "ses_1" });
		clock.move((accessTokenSeconds - 1) * 1000);
		// Others end meanwhile, and what is old is forgotten.
		await broker.broadcast(sessionEnded.name, { sessionId: "ses_2" });
		await expect(call("hall.pass", token())).rejects.toEqual(refusal("unauthenticated"));
	});
});
