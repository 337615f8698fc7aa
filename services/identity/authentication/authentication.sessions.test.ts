import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask, type Meta } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { anEmail, bearer, factsOf, from, password, peopleOf, refused } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as authentication from "./authentication.contract.ts";
import { refreshLifetimeMs } from "./authentication.domain.ts";
import type { AuthenticationTx } from "./authentication.store.ts";

describe("staying signed in", () => {
	const clock = handClock();
	let stoa: Stoa;
	const { register, login, refresh, whoAmI } = peopleOf(() => stoa);

	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity"], clock });
	});
	afterAll(() => stoa.stop());

	describe("refreshing", () => {
		it("uses the token up and gives new ones", async () => {
			const first = await register(anEmail());
			const second = await refresh(first.refreshToken);
			expect(second.user).toEqual(first.user);
			expect(second.refreshToken).not.toBe(first.refreshToken);
			expect(await whoAmI(second)).toEqual(first.user);
		});

		it("ends the session when a used token comes again, and the newest token with it", async () => {
			const first = await register(anEmail());
			const second = await refresh(first.refreshToken);
			await expect(refresh(first.refreshToken)).rejects.toMatchObject({ type: "refresh_token_reused", code: 401 });
			await expect(refresh(second.refreshToken)).rejects.toEqual(refused("refresh_token_reused"));
			await expect(whoAmI(second)).rejects.toEqual(refused("unauthenticated"));
			expect((await factsOf(stoa, "authentication.loggedOut")).at(-1)?.data).toMatchObject({
				userId: first.user.id,
				reason: "refreshReused",
			});
		});

		it("leaves the other sessions of the person alone", async () => {
			const email = anEmail();
			const stolen = await register(email);
			const other = await login(email);
			await refresh(stolen.refreshToken);
			await refresh(stolen.refreshToken).catch(() => undefined);
			expect(await whoAmI(other)).toMatchObject({ email });
		});

		it("lets one of two at once win and takes the other for a copy", async () => {
			const { refreshToken } = await register(anEmail());
			const answers = await Promise.allSettled([refresh(refreshToken), refresh(refreshToken)]);
			expect(answers.map(answer => (answer.status === "fulfilled" ? "in" : answer.reason.type)).sort()).toEqual([
				"in",
				"refresh_token_reused",
			]);
		});

		it("knows neither an invented token nor one that lay for 30 days", async () => {
			await expect(refresh("invented")).rejects.toMatchObject({ type: "unauthenticated" });
			const { refreshToken } = await register(anEmail());
			clock.move(refreshLifetimeMs);
			await expect(refresh(refreshToken)).rejects.toEqual(refused("unauthenticated"));
		});

		it("keeps a session for as long as it is used", async () => {
			let { refreshToken } = await register(anEmail());
			for (let n = 0; n < 3; n++) {
				clock.move(refreshLifetimeMs - 1);
				({ refreshToken } = await refresh(refreshToken));
			}
		});

		it("stores no token that could be used", async () => {
			const { refreshToken } = await register(anEmail());
			const store = stoa.service<SqlService<AuthenticationTx>>("authentication").store;
			expect(JSON.stringify(await store.reader.all("SELECT * FROM refreshTokens"))).not.toContain(refreshToken);
		});
	});

	describe("sessions", () => {
		const sessionsOf = async (session: { accessToken: string }, params = {}) =>
			ask(stoa.broker, authentication.listSessions, params, { meta: bearer(session) });

		it("are listed newest first, page by page, and say which one asks", async () => {
			const email = anEmail();
			await register(email);
			clock.move(1);
			const second = await login(email, password, from("10.0.0.9", "device-device-device"));
			clock.move(1);
			await login(email);
			const first = await sessionsOf(second, { limit: 2 });
			expect(first.data.map(({ current }) => current)).toEqual([false, true]);
			expect(first.data[1]).toMatchObject({ device: expect.any(String), lastUsedAt: first.data[1]!.createdAt });
			const rest = await sessionsOf(second, { limit: 2, cursor: first.nextCursor! });
			expect(rest).toMatchObject({ data: [{ current: false }], nextCursor: null });
			await expect(sessionsOf(second, { cursor: "nonsense" })).rejects.toMatchObject({ data: { errors: [{ pointer: "/cursor" }] } });
		});

		it("end at once for every token they gave out when somebody logs out", async () => {
			const session = await register(anEmail());
			await ask(stoa.broker, authentication.logout, {}, { meta: bearer(session) });
			await expect(whoAmI(session)).rejects.toMatchObject({ type: "unauthenticated" });
			await expect(refresh(session.refreshToken)).rejects.toEqual(refused("unauthenticated"));
			await expect(ask(stoa.broker, authentication.logout, {}, { meta: bearer(session) })).rejects.toEqual(refused("unauthenticated"));
			expect((await factsOf(stoa, "authentication.loggedOut")).filter(fact => fact.data.userId === session.user.id)).toHaveLength(1);
		});

		it("can be ended from another one, once", async () => {
			const email = anEmail();
			const lost = await register(email);
			const mine = await login(email);
			const id = (await sessionsOf(lost)).data.find(({ current }) => current)!.id;
			const end = () => ask(stoa.broker, authentication.endSession, { id }, { meta: bearer(mine) });
			expect(await end()).toBeNull();
			await expect(whoAmI(lost)).rejects.toEqual(refused("unauthenticated"));
			expect((await sessionsOf(mine)).data.map(session => session.id)).not.toContain(id);
			await expect(end()).rejects.toEqual(refused("not_found"));
		});

		it("of another person are not there", async () => {
			const theirs = await register(anEmail());
			const { id } = (await sessionsOf(theirs)).data[0]!;
			const stranger = bearer(await register(anEmail()));
			await expect(ask(stoa.broker, authentication.endSession, { id }, { meta: stranger })).rejects.toEqual(refused("not_found"));
			await expect(ask(stoa.broker, authentication.endSession, { id: newId("ses", 0) }, { meta: stranger })).rejects.toEqual(
				refused("not_found"),
			);
			expect(await whoAmI(theirs)).toEqual(theirs.user);
		});

		it("that ended are told to whoever asks since when, so that a lost broadcast changes nothing", async () => {
			const session = await register(anEmail());
			const { id } = (await sessionsOf(session)).data[0]!;
			const since = clock.now();
			await ask(stoa.broker, authentication.logout, {}, { meta: bearer(session) });
			expect((await ask(stoa.broker, authentication.endedSessions, { since })).sessionIds).toContain(id);
			expect((await ask(stoa.broker, authentication.endedSessions, { since: since + 1 })).sessionIds).not.toContain(id);
		});

		it("of one person can all be ended by the house, but one if it likes", async () => {
			const email = anEmail();
			const first = await register(email);
			const second = await login(email);
			const kept = (await sessionsOf(second)).data.find(({ current }) => current)!.id;
			const end = () => ask(stoa.broker, authentication.endSessions, { userId: first.user.id, exceptSessionId: kept });
			expect(await end()).toEqual({ ended: 1 });
			expect(await end()).toEqual({ ended: 0 });
			await expect(whoAmI(first)).rejects.toEqual(refused("unauthenticated"));
			expect(await whoAmI(second)).toMatchObject({ email });
		});

		it("are for the signed-in only", async () => {
			await expect(ask(stoa.broker, authentication.listSessions, {})).rejects.toEqual(refused("unauthenticated"));
		});
	});

	describe("changing the password", () => {
		const change = (session: { accessToken: string }, currentPassword: string, newPassword: string, meta: Meta = {}) =>
			ask(stoa.broker, authentication.changePassword, { currentPassword, newPassword }, { meta: { ...meta, ...bearer(session) } });

		it("takes the new one from then on and ends every other session", async () => {
			const email = anEmail();
			const other = await register(email);
			const mine = await login(email);
			expect(await change(mine, password, "a better password")).toBeNull();
			await expect(whoAmI(other)).rejects.toEqual(refused("unauthenticated"));
			await expect(refresh(other.refreshToken)).rejects.toEqual(refused("unauthenticated"));
			expect(await whoAmI(mine)).toMatchObject({ email });
			await expect(login(email, password)).rejects.toEqual(refused("invalid_credentials"));
			await login(email, "a better password");
			expect((await factsOf(stoa, "authentication.passwordChanged")).at(-1)?.data).toMatchObject({ userId: mine.user.id });
		});

		it("refuses a wrong current one, a short new one, and the same request a second time", async () => {
			const session = await register(anEmail());
			await expect(change(session, "not the password", "a better password")).rejects.toEqual(refused("invalid_credentials"));
			await expect(change(session, password, "short")).rejects.toEqual(refused("validation_failed"));
			await change(session, password, "a better password");
			await expect(change(session, password, "a better password")).rejects.toEqual(refused("invalid_credentials"));
		});

		it("can be guessed at ten times and no more", async () => {
			const session = await register(anEmail());
			for (let n = 0; n < 10; n++) await change(session, "not the password", "a better password", from("10.5.0.1")).catch(() => undefined);
			await expect(change(session, password, "a better password", from("10.5.0.1"))).rejects.toEqual(refused("rate_limited"));
		});
	});
});
