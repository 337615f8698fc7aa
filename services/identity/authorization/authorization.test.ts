import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { handClock } from "../../../lib/clock.ts";
import { ask, type Meta } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { Role } from "../../../lib/principal.ts";
import { anEmail, factsOf, from, matching, password, peopleOf, refused } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { endSessions, ensureUser, refresh } from "../authentication/authentication.contract.ts";
import { disable, erase, getUser, me } from "../users/users.contract.ts";
import * as authorization from "./authorization.contract.ts";

describe("roles", () => {
	const clock = handClock();
	let stoa: Stoa;
	let admin: Meta;
	const { login } = peopleOf(() => stoa);

	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity"], clock });
		admin = stoa.as("usr_admin", ["admin"]);
	});
	afterAll(() => stoa.stop());

	async function somebody(roles: Role[]) {
		const email = anEmail();
		const { userId } = await ask(stoa.broker, ensureUser, { email, password, name: "Ada", roles });
		return { userId, email };
	}
	const setRoles = (userId: string, roles: Role[], meta: Meta = admin) =>
		ask(stoa.broker, authorization.setRoles, { id: userId, roles }, { meta });
	const grantOf = async (userId: string) => (await ask(stoa.broker, authorization.rolesOf, { userIds: [userId] })).users[0];
	const administrators = async () => (await ask(stoa.broker, authorization.usersWithRole, { role: "admin" })).userIds;

	it("are replaced as a whole, answered with the user, and told", async () => {
		const { userId } = await somebody(["customer"]);
		const user = await setRoles(userId, ["customer", "support"]);
		expect(user).toMatchObject({ id: userId, roles: ["customer", "support"], version: 2 });
		expect(await ask(stoa.broker, getUser, { id: userId }, { meta: admin })).toEqual(user);
		expect((await factsOf(stoa, "authorization.rolesChanged")).at(-1)).toMatchObject({
			key: userId,
			data: { userId, before: ["customer"], roles: ["customer", "support"], version: 2 },
		});
	});

	it("set twice to the same are set once", async () => {
		const { userId } = await somebody(["customer"]);
		await setRoles(userId, ["risk"]);
		const told = (await factsOf(stoa, "authorization.rolesChanged")).length;
		expect(await setRoles(userId, ["risk"])).toMatchObject({ version: 2 });
		expect(await factsOf(stoa, "authorization.rolesChanged")).toHaveLength(told);
	});

	it("count at once: tokens from before are refused, a refresh brings the new ones", async () => {
		const { userId, email } = await somebody(["customer"]);
		const session = await login(email);
		await setRoles(userId, ["support"]);
		await expect(ask(stoa.broker, me, {}, { meta: { accessToken: session.accessToken } })).rejects.toEqual(refused("token_expired"));
		const { accessToken, refreshToken } = session;
		const fresh = await ask(stoa.broker, refresh, { refreshToken }, { meta: { accessToken } });
		expect(await ask(stoa.broker, getUser, { id: userId }, { meta: { accessToken: fresh.accessToken } })).toMatchObject({
			roles: ["support"],
		});
	});

	it("that changed are told to whoever asks since when; first ones are no change", async () => {
		const { userId } = await somebody(["customer"]);
		const since = clock.now();
		const changed = async () => (await ask(stoa.broker, authorization.changedRoles, { since })).users;
		expect(await changed()).not.toContainEqual({ userId, version: 1 });
		await setRoles(userId, ["risk"]);
		expect(await changed()).toContainEqual({ userId, version: 2 });
	});

	it("that nobody knows, that come twice, or that are none are refused", async () => {
		const { userId } = await somebody(["customer"]);
		for (const roles of [["wizard"], ["risk", "risk"], []])
			await expect(setRoles(userId, roles as Role[])).rejects.toEqual(refused("validation_failed"));
	});

	it("of nobody are not found, and of an erased person cannot be changed", async () => {
		await expect(setRoles(newId("usr", 0), ["risk"])).rejects.toEqual(refused("not_found"));
		const { userId } = await somebody(["customer"]);
		await ask(stoa.broker, erase, { id: userId }, { meta: admin });
		await expect(setRoles(userId, ["risk"])).rejects.toEqual(refused("user_state_conflict"));
	});

	it("honour If-Match", async () => {
		const { userId } = await somebody(["customer"]);
		const before = await ask(stoa.broker, getUser, { id: userId }, { meta: admin });
		await setRoles(userId, ["risk"], matching(admin, etagOf(before)));
		await expect(setRoles(userId, ["support"], matching(admin, etagOf(before)))).rejects.toEqual(refused("version_stale"));
		await setRoles(userId, ["support"], matching(admin, "*"));
	});

	it("are changed by administrators only", async () => {
		const { userId } = await somebody(["customer"]);
		await expect(setRoles(userId, ["admin"], {})).rejects.toEqual(refused("unauthenticated"));
		for (const role of ["customer", "support", "merchant", "risk", "finance", "operator"] as const)
			await expect(setRoles(userId, ["admin"], stoa.as(userId, [role]))).rejects.toEqual(refused("permission_missing"));
	});

	it("of the last administrator stay, whichever way somebody tries, also two at once", async () => {
		const [one, other] = [await somebody(["admin"]), await somebody(["admin"])];
		const answers = await Promise.allSettled([setRoles(one.userId, ["customer"]), setRoles(other.userId, ["customer"])]);
		expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
		const [left] = (await administrators()) as [string];
		await expect(setRoles(left, ["customer"])).rejects.toMatchObject({ type: "last_administrator", code: 409 });
		await expect(ask(stoa.broker, disable, { id: left }, { meta: admin })).rejects.toEqual(refused("last_administrator"));
		await expect(ask(stoa.broker, erase, { id: left }, { meta: admin })).rejects.toEqual(refused("last_administrator"));
		expect(await ask(stoa.broker, getUser, { id: left }, { meta: admin })).toMatchObject({ status: "active", roles: ["admin"] });
		expect(await administrators()).toEqual([left]);
		await setRoles(left === one.userId ? other.userId : one.userId, ["admin"]);
		await setRoles(left, ["customer"]);
	});

	it("given at registration are given once and never come back", async () => {
		const userId = newId("usr", clock.now());
		const assign = () => ask(stoa.broker, authorization.assignRoles, { userId, roles: ["operator"] });
		await assign();
		await assign();
		expect(await grantOf(userId)).toMatchObject({ roles: ["operator"], version: 1 });
		await ask(stoa.broker, authorization.setStanding, { userId, standing: "withdrawn", version: 5 });
		await assign();
		expect(await grantOf(userId)).toMatchObject({ roles: [] });
	});

	it("that come after their undo are refused by its mark", async () => {
		const userId = newId("usr", clock.now());
		await ask(stoa.broker, authorization.setStanding, { userId, standing: "withdrawn", version: 1 });
		await ask(stoa.broker, authorization.assignRoles, { userId, roles: ["admin"] });
		expect(await administrators()).not.toContain(userId);
	});

	it("of suspended people are held by nobody meanwhile", async () => {
		const { userId } = await somebody(["operator"]);
		const operators = async () => (await ask(stoa.broker, authorization.usersWithRole, { role: "operator" })).userIds;
		expect(await operators()).toContain(userId);
		await ask(stoa.broker, authorization.setStanding, { userId, standing: "suspended", version: 1 });
		expect(await operators()).not.toContain(userId);
		await ask(stoa.broker, authorization.setStanding, { userId, standing: "active", version: 2 });
		expect(await operators()).toContain(userId);
	});

	describe("a refused permission", () => {
		const knock = (userId: string) => setRoles(newId("usr", 0), ["admin"], stoa.as(userId)).catch(() => undefined);
		const refusalsOf = async (userId: string) =>
			(await factsOf(stoa, "authorization.decided")).filter(fact => fact.data.userId === userId).map(fact => fact.data);
		/** The refused caller does not wait for the fact, so we do. */
		async function toldOf(userId: string, count: number) {
			while ((await refusalsOf(userId)).length < count) await new Promise(resolve => setTimeout(resolve, 5));
			return refusalsOf(userId);
		}

		it("is told at once, and the rest of its minute as one number", async () => {
			const userId = newId("usr", clock.now());
			await knock(userId);
			expect(await toldOf(userId, 1)).toMatchObject([
				{ action: "authorization.setRoles", permission: "users:roles", decision: "refused", refusals: 1 },
			]);
			for (let n = 0; n < 4; n++) await knock(userId);
			expect(await refusalsOf(userId)).toHaveLength(1);
			clock.move(60_000);
			await knock(userId);
			await stoa.restart();
			const told = await refusalsOf(userId);
			expect(told.map(({ refusals }) => refusals)).toEqual([1, 1, 4]);
			expect(told[2]!.minute).toBe(told[0]!.minute);
		});

		it("names who was refused, and in which request", async () => {
			const userId = newId("usr", clock.now());
			const meta = { ...stoa.as(userId), ...from("::1") };
			await ask(stoa.broker, authorization.setRoles, { id: newId("usr", 0), roles: ["admin"] }, { meta }).catch(() => undefined);
			await toldOf(userId, 1);
			const told = (await factsOf(stoa, "authorization.decided")).find(fact => fact.key === userId);
			expect(told).toMatchObject({ actor: { kind: "user", id: userId }, requestId: meta.request!.id });
		});

		it("of a minute that was begun before a restart is counted with its rest", async () => {
			const userId = newId("usr", clock.now());
			await knock(userId);
			await toldOf(userId, 1);
			await stoa.restart();
			await knock(userId);
			await knock(userId);
			await stoa.restart();
			expect((await refusalsOf(userId)).map(({ refusals }) => refusals)).toEqual([1, 2]);
		});
	});

	it("say nothing of people who do not exist", async () => {
		expect(await ask(stoa.broker, authorization.rolesOf, { userIds: [newId("usr", 0)] })).toEqual({ users: [] });
		expect(await ask(stoa.broker, endSessions, { userId: newId("usr", 0) })).toEqual({ ended: 0 });
	});
});
