import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { anEmail, factsOf, from, password, peopleOf, refused } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { rolesOf } from "../authorization/authorization.contract.ts";
import * as authentication from "./authentication.contract.ts";
import { failureWindowMs } from "./authentication.domain.ts";

const minute = 60_000;

describe("signing in", () => {
	const clock = handClock();
	let stoa: Stoa;
	const { register, login, refresh, whoAmI } = peopleOf(() => stoa);

	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity"], clock });
	});
	afterAll(() => stoa.stop());

	describe("registering", () => {
		it("opens an account with the role customer and signs in", async () => {
			const email = anEmail();
			const answer = await register(email.toUpperCase(), from("10.0.0.1", "device-device-device"));
			expect(answer).toMatchObject({
				tokenType: "Bearer",
				expiresIn: 300,
				user: { email, name: "Ada", roles: ["customer"], status: "active", version: 1 },
			});
			expect(await whoAmI(answer)).toEqual(answer.user);
			expect((await factsOf(stoa, "authentication.succeeded")).at(-1)).toMatchObject({
				key: answer.user.id,
				data: { userId: answer.user.id, by: "register" },
			});
		});

		it("refuses an email that somebody has, however it is spelt", async () => {
			const email = anEmail();
			await register(email);
			await expect(register(email)).rejects.toEqual(refused("email_taken"));
			await expect(register(email.toUpperCase(), {}, "another password")).rejects.toEqual(refused("email_taken"));
		});

		it("lets exactly one win when many register one email at once", async () => {
			const email = anEmail();
			const same = Array.from({ length: 4 }, () => register(email));
			const other = Array.from({ length: 4 }, (_, n) => register(email, {}, `another password ${n}`));
			const answers = await Promise.allSettled([...same, ...other]);
			expect(answers.filter(answer => answer.status === "fulfilled")).toHaveLength(1);
			for (const answer of answers)
				if (answer.status === "rejected") expect(answer.reason).toMatchObject({ type: "email_taken", code: 409 });
		});

		it("counts a password in characters: eleven are too few, twelve clocks are enough, composed or not", async () => {
			await expect(register(anEmail(), {}, "elevenchars")).rejects.toEqual(refused("validation_failed"));
			await expect(register(anEmail(), {}, "e\u0301".repeat(6))).rejects.toMatchObject({
				data: { errors: [{ pointer: "/password", code: "minLength" }] },
			});
			const email = anEmail();
			await register(email, {}, "⏰".repeat(12));
			await login(email, "⏰".repeat(12));
			const accented = anEmail();
			await register(accented, {}, "éééééééééééé");
			await login(accented, "e\u0301".repeat(12));
		});

		it("refuses a field it does not know", async () => {
			const params = { email: anEmail(), password, name: "Ada", roles: ["admin"] };
			await expect(ask(stoa.broker, authentication.register, params as never)).rejects.toEqual(refused("validation_failed"));
		});
	});

	describe("logging in", () => {
		it("takes the email as anybody may type it, and tells no email, address or device", async () => {
			const email = anEmail();
			await register(email);
			const answer = await login(email.toUpperCase(), password, from("10.1.2.3", "device-device-device"));
			expect(await whoAmI(answer)).toMatchObject({ email });
			const fact = (await factsOf(stoa, "authentication.succeeded")).at(-1)!;
			expect(fact.data).toMatchObject({ userId: answer.user.id, by: "login", deviceHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
			expect(fact).toMatchObject({ actor: { kind: "user", id: answer.user.id }, requestId: "req-1" });
			expect(JSON.stringify(fact)).not.toMatch(/example\.com|10\.1\.2\.3|device-device/);
		});

		it("answers an unknown email, a wrong password and a disabled person alike", async () => {
			const email = anEmail();
			const { user } = await register(email);
			const wrong = await login(email, "not the password", from("10.9.0.1")).catch(error => error);
			const unknown = await login(anEmail(), password, from("10.9.0.1")).catch(error => error);
			await ask(stoa.broker, authentication.setDisabled, { userId: user.id, disabled: true, version: 1 });
			const disabled = await login(email, password, from("10.9.0.1")).catch(error => error);
			for (const answer of [wrong, unknown, disabled])
				expect(answer).toMatchObject({ type: "invalid_credentials", code: 401, message: wrong.message });
			expect((await factsOf(stoa, "authentication.failed")).slice(-3).map(fact => fact.data.userId)).toEqual([user.id, null, user.id]);
		});

		it("answers the eleventh failure from one address in 15 minutes with rate_limited, and only there", async () => {
			const email = anEmail();
			await register(email);
			for (let n = 0; n < 10; n++)
				await expect(login(email, "not the password", from("10.2.0.1"))).rejects.toEqual(refused("invalid_credentials"));
			clock.move(5 * minute);
			await expect(login(email, password, from("10.2.0.1"))).rejects.toMatchObject({
				type: "rate_limited",
				code: 429,
				data: { retryAfterSeconds: 600 },
			});
			await login(email, password, from("10.2.0.2"));
			clock.move(10 * minute);
			await login(email, password, from("10.2.0.1"));
		});

		it("gives a flood at once no more answers than one after another", async () => {
			const email = anEmail();
			await register(email);
			const answers = await Promise.allSettled(Array.from({ length: 16 }, () => login(email, "not the password", from("10.3.0.1"))));
			const types = answers.map(answer => (answer.status === "rejected" ? answer.reason.type : "in"));
			expect(types.filter(type => type === "invalid_credentials")).toHaveLength(10);
			expect(types.filter(type => type === "rate_limited")).toHaveLength(6);
		});

		it("counts an unknown email as it counts a known one", async () => {
			const email = anEmail();
			for (let n = 0; n < 10; n++) await login(email, password, from("10.4.0.1")).catch(() => undefined);
			await expect(login(email, password, from("10.4.0.1"))).rejects.toEqual(refused("rate_limited"));
		});
	});

	describe("what the house asks", () => {
		it("knows emails by person and persons by email", async () => {
			const email = anEmail();
			const { user } = await register(email);
			const nobody = newId("usr", 0);
			expect(await ask(stoa.broker, authentication.emailsOf, { userIds: [user.id, nobody] })).toEqual({
				emails: [{ userId: user.id, email }],
			});
			expect(await ask(stoa.broker, authentication.userByEmail, { email: email.toUpperCase() })).toEqual({ userId: user.id });
			expect(await ask(stoa.broker, authentication.userByEmail, { email: anEmail() })).toEqual({ userId: null });
		});

		it("makes an administrator once, and none beside another when only a first one is wanted", async () => {
			const email = anEmail();
			const ensure = (more = {}) => ask(stoa.broker, authentication.ensureAdministrator, { email, password, ...more });
			expect(await ensure()).toEqual({ created: true });
			expect(await ensure()).toEqual({ created: false });
			expect((await login(email)).user.roles).toEqual(["admin", "customer"]);
			const another = { email: anEmail(), password, onlyIfNone: true };
			expect(await ask(stoa.broker, authentication.ensureAdministrator, another)).toEqual({ created: false });
			await expect(login(another.email)).rejects.toEqual(refused("invalid_credentials"));
		});

		it("makes a user with roles once, also when asked twice at once", async () => {
			const wanted = { email: anEmail(), password, name: "Max", roles: ["merchant" as const] };
			const answers = await Promise.all([
				ask(stoa.broker, authentication.ensureUser, wanted),
				ask(stoa.broker, authentication.ensureUser, wanted),
			]);
			expect(answers.map(({ created }) => created).sort()).toEqual([false, true]);
			expect(answers[0]!.userId).toBe(answers[1]!.userId);
			expect(await login(wanted.email)).toMatchObject({ user: { name: "Max", roles: ["merchant"] } });
			await expect(register(wanted.email)).rejects.toEqual(refused("email_taken"));
		});

		it("disables and enables, and does not let a late repeat turn it back", async () => {
			const email = anEmail();
			const session = await register(email);
			const userId = session.user.id;
			const set = (disabled: boolean, version: number) => ask(stoa.broker, authentication.setDisabled, { userId, disabled, version });
			await set(true, 2);
			await expect(whoAmI(session)).rejects.toEqual(refused("unauthenticated"));
			await set(false, 3);
			await set(true, 2);
			await login(email);
			await expect(ask(stoa.broker, authentication.setDisabled, { userId: newId("usr", 0), disabled: true, version: 1 })).rejects.toEqual(
				refused("not_found"),
			);
		});

		it("erases credentials and sessions, and lets the email be used by somebody new", async () => {
			const email = anEmail();
			const session = await register(email);
			const erase = () => ask(stoa.broker, authentication.erase, { userId: session.user.id });
			await erase();
			await erase();
			await expect(whoAmI(session)).rejects.toEqual(refused("unauthenticated"));
			await expect(login(email, password, from("10.6.0.1"))).rejects.toEqual(refused("invalid_credentials"));
			expect((await register(email)).user.id).not.toBe(session.user.id);
		});

		it("assigns the roles through authorization", async () => {
			const { user } = await register(anEmail());
			expect((await ask(stoa.broker, rolesOf, { userIds: [user.id] })).users).toMatchObject([{ roles: ["customer"], version: 1 }]);
		});
	});

	it("keeps accounts, sessions and failures over a restart", async () => {
		const email = anEmail();
		const session = await register(email);
		for (let n = 0; n < 10; n++) await login(email, "not the password", from("10.7.0.1")).catch(() => undefined);
		await stoa.restart();
		expect(await whoAmI(session)).toEqual(session.user);
		await refresh(session.refreshToken);
		await expect(login(email, password, from("10.7.0.1"))).rejects.toEqual(refused("rate_limited"));
		clock.move(failureWindowMs);
		await login(email, password, from("10.7.0.1"));
	});
});
