import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ServiceSchema } from "moleculer";
import { handClock } from "../../../lib/clock.ts";
import { answer, ask, type Meta } from "../../../lib/contract.ts";
import { serviceUnavailable } from "../../../lib/failure.ts";
import { newId } from "../../../lib/ids.ts";
import type { Role } from "../../../lib/principal.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { anEmail, bearer, factsOf, matching, password, peopleOf, refused } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as authentication from "../authentication/authentication.contract.ts";
import * as authorization from "../authorization/authorization.contract.ts";
import * as users from "./users.contract.ts";
import type { UsersTx } from "./users.store.ts";

const address = { name: "Ada", line1: "Hidden Street", city: "Athens", postalCode: "10555", country: "GR" };

describe("changing somebody's status", () => {
	const clock = handClock();
	let stoa: Stoa;
	let admin: Meta;
	let support: Meta;
	const { register, login, refresh, whoAmI } = peopleOf(() => stoa);

	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity"], clock });
		admin = stoa.as("usr_admin", ["admin"]);
		support = stoa.as("usr_support", ["support"]);
	});
	afterAll(() => stoa.stop());

	async function somebody(name = "Ada") {
		clock.move(1);
		const email = anEmail();
		const session = await register(email, {}, password, name);
		return { ...session, email, id: session.user.id, meta: bearer(session) };
	}
	const get = (id: string, meta = support) => ask(stoa.broker, users.getUser, { id }, { meta });

	describe("disabling", () => {
		const disable = (id: string, meta = admin) => ask(stoa.broker, users.disable, { id }, { meta });
		const enable = (id: string, meta = admin) => ask(stoa.broker, users.enable, { id }, { meta });

		it("ends every session and stops signing in, until enabled again", async () => {
			const ada = await somebody();
			const disabled = await disable(ada.id);
			expect(disabled).toMatchObject({ status: "disabled", roles: ["customer"], email: ada.email });
			expect(await disable(ada.id)).toEqual(disabled);
			await expect(whoAmI(ada)).rejects.toEqual(refused("unauthenticated"));
			await expect(login(ada.email)).rejects.toEqual(refused("invalid_credentials"));
			expect(await enable(ada.id)).toMatchObject({ status: "active" });
			expect((await login(ada.email)).user).toMatchObject({ id: ada.id, status: "active" });
		});

		it("is the same for five at once, and ends in one of two opposite wishes", async () => {
			const ada = await somebody();
			const answers = await Promise.all(Array.from({ length: 5 }, () => disable(ada.id)));
			for (const answered of answers) expect(answered).toMatchObject({ status: "disabled", version: 2 });
			await Promise.all([enable(ada.id), disable(ada.id), enable(ada.id)]);
			const { status } = await get(ada.id);
			const signingIn = login(ada.email);
			if (status === "active") await signingIn;
			else await expect(signingIn).rejects.toEqual(refused("invalid_credentials"));
		});

		it("honours If-Match, knows nobody else, and is for administrators", async () => {
			const ada = await somebody();
			await expect(disable(ada.id, matching(admin, '"other"'))).rejects.toEqual(refused("version_stale"));
			await expect(disable(newId("usr", 0))).rejects.toEqual(refused("not_found"));
			await expect(disable(ada.id, support)).rejects.toEqual(refused("permission_missing"));
		});
	});

	describe("erasing", () => {
		const erase = (id: string, meta = admin) => ask(stoa.broker, users.erase, { id }, { meta });
		const eraseMe = (meta: Meta) => ask(stoa.broker, users.eraseMe, {}, { meta });

		it("leaves nothing of the person but that there was one", async () => {
			const ada = await somebody("Ada Byron");
			await ask(stoa.broker, users.addAddress, address, { meta: ada.meta });
			expect(await eraseMe(ada.meta)).toBeNull();
			expect(await get(ada.id)).toMatchObject({
				id: ada.id,
				email: `erased-${ada.id}@invalid`,
				name: "Erased person",
				roles: [],
				status: "erased",
			});
			expect((await factsOf(stoa, "users.erased")).at(-1)?.data).toEqual({ userId: ada.id });
			for (const name of ["users", "authentication", "authorization"]) {
				const { reader } = stoa.service<SqlService<UsersTx>>(name).store;
				const tables = await reader.all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
				const everything = await Promise.all(tables.map(table => reader.all(`SELECT * FROM ${table.name}`)));
				for (const trace of ["Byron", "Hidden Street", ada.email]) expect(JSON.stringify(everything).includes(trace)).toBe(false);
			}
		});

		it("ends the sessions at once, and frees the email for somebody new", async () => {
			const ada = await somebody();
			await eraseMe(ada.meta);
			await expect(eraseMe(ada.meta)).rejects.toEqual(refused("unauthenticated"));
			await expect(refresh(ada.refreshToken)).rejects.toEqual(refused("unauthenticated"));
			const again = await register(ada.email);
			expect(again.user.id).not.toBe(ada.id);
		});

		it("by an administrator is final, and twice is the same as once", async () => {
			const ada = await somebody();
			expect(await erase(ada.id)).toBeNull();
			expect(await erase(ada.id)).toBeNull();
			await expect(ask(stoa.broker, users.enable, { id: ada.id }, { meta: admin })).rejects.toMatchObject({
				type: "user_state_conflict",
				code: 409,
			});
			await expect(ask(stoa.broker, users.disable, { id: ada.id }, { meta: admin })).rejects.toEqual(refused("user_state_conflict"));
			expect((await factsOf(stoa, "users.erased")).filter(fact => fact.key === ada.id)).toHaveLength(1);
			await expect(erase(newId("usr", 0))).rejects.toEqual(refused("not_found"));
			await expect(erase(ada.id, support)).rejects.toEqual(refused("permission_missing"));
		});

		it("also of somebody who is disabled", async () => {
			const ada = await somebody();
			await ask(stoa.broker, users.disable, { id: ada.id }, { meta: admin });
			await erase(ada.id);
			expect(await get(ada.id)).toMatchObject({ status: "erased" });
		});
	});
});

describe("a change of status whose owners are away", () => {
	const clock = handClock();
	const asked: string[] = [];
	let away = true;
	const neighbours: ServiceSchema[] = [
		{
			name: "authorization",
			actions: {
				setStanding: answer(authorization.setStanding, ({ params }) => {
					asked.push(`roles ${params.standing}`);
					return null;
				}),
				rolesOf: answer(authorization.rolesOf, ({ params }) => ({
					users: params.userIds.map(userId => ({ userId, roles: ["customer" as Role], version: 1, changedAt: "2026-01-05T09:00:00.000Z" })),
				})),
			},
		},
		{
			name: "authentication",
			actions: {
				emailsOf: answer(authentication.emailsOf, () => ({ emails: [] })),
				erase: answer(authentication.erase, () => {
					asked.push("credentials erased");
					if (away) throw serviceUnavailable();
					return null;
				}),
			},
		},
	];

	it("is never given up: it goes on after a restart until it is whole", async () => {
		const stoa = await startStoa({ services: ["identity/users"], also: neighbours, clock });
		const userId = newId("usr", clock.now());
		const admin = stoa.as("usr_admin", ["admin"]);
		await ask(stoa.broker, users.createProfile, { userId, name: "Ada" });
		const answered = ask(stoa.broker, users.erase, { id: userId }, { meta: admin }).catch(error => error);
		while (!asked.includes("credentials erased")) await new Promise(resolve => setTimeout(resolve, 5));
		clock.move(24 * 60 * 60_000);
		expect(await answered).toMatchObject({ type: "service_unavailable", retryable: true });
		expect(await ask(stoa.broker, users.getUser, { id: userId }, { meta: stoa.as("usr_admin", ["admin"]) })).toMatchObject({
			status: "erased",
		});
		away = false;
		await stoa.restart();
		expect(await ask(stoa.broker, users.erase, { id: userId }, { meta: stoa.as("usr_admin", ["admin"]) })).toBeNull();
		expect(asked.filter(step => step === "roles withdrawn")).toHaveLength(1);
		const profile = await stoa.service<SqlService<UsersTx>>("users").store.reader.profile(userId);
		expect(profile).toMatchObject({ status: "erased", changing: null });
		await stoa.stop();
	});
});
