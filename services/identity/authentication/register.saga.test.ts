import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { ServiceSchema } from "moleculer";
import { handClock } from "../../../lib/clock.ts";
import { answer, ask } from "../../../lib/contract.ts";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { crashPointsOf } from "../../../lib/saga.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as authorization from "../authorization/authorization.contract.ts";
import * as users from "../users/users.contract.ts";
import * as authentication from "./authentication.contract.ts";
import type { Authentication } from "./authentication.sessions.ts";
import { registerSaga } from "./register.saga.ts";

const person = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };
const register = (stoa: Stoa) => ask(stoa.broker, authentication.register, person);

describe("a registration that cannot be finished", () => {
	const clock = handClock();
	const asked: string[] = [];
	let stoa: Stoa;
	let refusal: Error | undefined;
	let profiles = new Map<string, string>();

	const neighbours: ServiceSchema[] = [
		{
			name: "users",
			actions: {
				createProfile: answer(users.createProfile, ({ params }) => {
					asked.push("create profile");
					profiles.set(params.userId, params.name);
					return null;
				}),
				withdrawProfile: answer(users.withdrawProfile, ({ params }) => {
					asked.push("withdraw profile");
					profiles.delete(params.userId);
					return null;
				}),
				compose: answer(users.compose, ({ params }) => {
					const time = "2026-01-05T09:00:00.000Z";
					const rest = { email: "", roles: [], status: "active" as const, createdAt: time, updatedAt: time, version: 1 };
					return { users: params.userIds.map(id => ({ id, name: profiles.get(id)!, ...rest })) };
				}),
			},
		},
		{
			name: "authorization",
			actions: {
				assignRoles: answer(authorization.assignRoles, () => {
					asked.push("assign roles");
					if (refusal) throw refusal;
					return null;
				}),
				setStanding: answer(authorization.setStanding, ({ params }) => {
					asked.push(params.standing);
					return null;
				}),
				rolesOf: answer(authorization.rolesOf, ({ params }) => ({
					users: params.userIds.map(userId => ({
						userId,
						roles: ["customer" as const],
						version: 1,
						changedAt: "2026-01-05T09:00:00.000Z",
					})),
				})),
			},
		},
	];

	afterEach(() => stoa.stop());

	it("is undone in reverse, and the email is free again", async () => {
		stoa = await startStoa({ services: ["identity/authentication"], also: neighbours, clock });
		refusal = users.userStateConflict({ userId: "usr" });
		await expect(register(stoa)).rejects.toMatchObject({ type: "service_unavailable" });
		expect(asked.splice(0)).toEqual(["create profile", "assign roles", "withdrawn", "withdraw profile"]);
		expect(profiles.size).toBe(0);
		refusal = undefined;
		expect(await register(stoa)).toMatchObject({ user: { name: "Ada" } });
		expect(asked.splice(0)).toEqual(["create profile", "assign roles"]);
	});

	it("is tried again while a neighbour is away, and given up after a minute", async () => {
		profiles = new Map();
		stoa = await startStoa({ services: ["identity/authentication"], also: neighbours, clock });
		refusal = serviceUnavailable();
		const answered = register(stoa).catch(error => error);
		while (asked.filter(step => step === "assign roles").length < 2) await new Promise(resolve => setTimeout(resolve, 10));
		clock.move(60_000);
		expect(await answered).toMatchObject({ type: "service_unavailable", retryable: true });
		expect(asked.splice(0).slice(-2)).toEqual(["withdrawn", "withdraw profile"]);
		refusal = undefined;
		await register(stoa);
	});
});

describe("a registration whose process is killed", () => {
	const support = path.resolve(import.meta.dirname, "../../../test/support/stoa.ts");
	const program = `
		import { startStoa } from ${JSON.stringify(support)};
		const [dataDir, crashAt, person] = process.argv.slice(1);
		const stoa = await startStoa({ services: ["identity"], dataDir, env: { CRASH_AT: crashAt } });
		await stoa.broker.call("authentication.register", JSON.parse(person));
		process.exit(1);`;

	async function killedAt(point: string, dataDir: string): Promise<void> {
		const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program, "--", dataDir, point, JSON.stringify(person)], {
			stdio: "pipe",
		});
		let said = "";
		child.stderr.on("data", text => (said += text));
		const signal = await new Promise(resolve => child.on("exit", (_code, by) => resolve(by)));
		if (signal !== "SIGKILL") throw new Error(`it passed ${point} alive: ${said}`);
	}

	// Undoing has its dialogue above; here nothing refuses.
	const points = crashPointsOf(registerSaga({} as Authentication)).filter(point => !point.includes("/undo/"));

	it.each(points)("at %s can be taken up by the same person, who then exists once", async point => {
		const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-test-"));
		await killedAt(point, dataDir);
		const stoa = await startStoa({ services: ["identity"], dataDir });
		try {
			const stranger = ask(stoa.broker, authentication.register, { ...person, password: "another password" });
			await expect(stranger).rejects.toMatchObject({ type: "email_taken" });
			const answered = await register(stoa);
			expect(answered.user).toMatchObject({ email: person.email, name: "Ada", roles: ["customer"], status: "active" });
			await expect(register(stoa)).rejects.toMatchObject({ type: "email_taken" });
			const login = await ask(stoa.broker, authentication.login, { email: person.email, password: person.password });
			expect(login.user).toEqual(answered.user);
			const everybody = await ask(stoa.broker, users.listUsers, {}, { meta: stoa.as("usr_admin", ["admin"]) });
			expect(everybody.data).toHaveLength(1);
		} finally {
			await stoa.stop();
		}
	});
});
