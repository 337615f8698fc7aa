import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Session } from "../../services/identity/authentication/authentication.contract.ts";
import { anAdministrator, aShopper, get, login, type Person, refresh, request, signIn, staff } from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

const me = ({ token }: { token: string }) => request(stoa, "GET", "/v1/users/me", { token });
const refused = (code: string) => ({ status: 401, body: { code } });

describe("signing out", () => {
	it("ends the token at once, refresh included, and no other session", async () => {
		const here = await aShopper(stoa);
		const there = await signIn(stoa, here);

		expect((await request(stoa, "POST", "/v1/auth/logout", { token: here.token })).status).toBe(204);

		const answer = await me(here);
		expect(answer).toMatchObject(refused("unauthenticated"));
		expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
		expect((await refresh(stoa, here.refreshToken)).status).toBe(401);
		expect((await me(there)).status).toBe(200);
	});

	it("stays so after a second start", async () => {
		const shopper = await aShopper(stoa);
		await request(stoa, "POST", "/v1/auth/logout", { token: shopper.token });
		await stoa.restart();
		expect(await me(shopper)).toMatchObject(refused("unauthenticated"));
	});

	it("from afar: one's own other session is listed and can be ended", async () => {
		const here = await aShopper(stoa);
		const there = await signIn(stoa, here);
		const { data } = await get<Page<Session>>(stoa, "/v1/auth/sessions", { token: here.token });
		expect(data).toHaveLength(2);
		const other = data.find(({ current }) => !current)!;

		expect((await request(stoa, "DELETE", `/v1/auth/sessions/${other.id}`, { token: here.token })).status).toBe(204);

		expect(await me(there)).toMatchObject(refused("unauthenticated"));
		expect((await me(here)).status).toBe(200);
		expect((await request(stoa, "DELETE", `/v1/auth/sessions/${other.id}`, { token: here.token })).status).toBe(404);
	});
});

describe("another password", () => {
	it("ends every other session, and the old password with them", async () => {
		const here = await aShopper(stoa);
		const there = await signIn(stoa, here);
		const body = { currentPassword: here.password, newPassword: "a password of tomorrow" };

		expect((await request(stoa, "POST", "/v1/auth/password", { token: here.token, body })).status).toBe(204);

		expect((await me(here)).status).toBe(200);
		expect(await me(there)).toMatchObject(refused("unauthenticated"));
		expect(await login(stoa, here)).toMatchObject(refused("invalid_credentials"));
		expect((await login(stoa, { email: here.email, password: body.newPassword })).status).toBe(200);
	});
});

describe("other roles", () => {
	it("make tokens from before expire at once; a refresh brings the new rights", async () => {
		const person = await aShopper(stoa);
		const asStaff = () => request(stoa, "GET", "/v1/users", { token: person.token });
		expect((await asStaff()).status).toBe(403);

		await request(stoa, "PUT", `/v1/users/${person.id}/roles`, { token: admin.token, body: { roles: ["support"] } });

		expect(await asStaff()).toMatchObject(refused("token_expired"));
		const { body } = await refresh(stoa, person.refreshToken);
		expect((await request(stoa, "GET", "/v1/users", { token: body.accessToken })).status).toBe(200);
	});

	it("taken away are gone at once", async () => {
		const support = await staff(stoa, admin, "support");
		expect((await request(stoa, "GET", "/v1/users", { token: support.token })).status).toBe(200);

		await request(stoa, "PUT", `/v1/users/${support.id}/roles`, { token: admin.token, body: { roles: ["customer"] } });

		expect(await request(stoa, "GET", "/v1/users", { token: support.token })).toMatchObject(refused("token_expired"));
		const { body } = await refresh(stoa, support.refreshToken);
		expect((await request(stoa, "GET", "/v1/users", { token: body.accessToken })).status).toBe(403);
	});

	it("nobody gives them to themselves", async () => {
		const shopper = await aShopper(stoa);
		const asked = { token: shopper.token, body: { roles: ["admin"] } };
		expect(await request(stoa, "PUT", `/v1/users/${shopper.id}/roles`, asked)).toMatchObject({
			status: 403,
			body: { code: "permission_missing" },
		});
	});
});

describe("disabling somebody", () => {
	it("ends their sessions and keeps them out until they are enabled", async () => {
		const person = await aShopper(stoa);
		expect((await request(stoa, "POST", `/v1/users/${person.id}/disable`, { token: admin.token })).status).toBe(200);
		expect((await me(person)).status).toBe(401);
		expect((await login(stoa, person)).status).toBe(401);
		expect((await refresh(stoa, person.refreshToken)).status).toBe(401);

		expect((await request(stoa, "POST", `/v1/users/${person.id}/enable`, { token: admin.token })).status).toBe(200);
		expect((await me(await signIn(stoa, person))).status).toBe(200);
		// What was ended stays ended.
		expect((await me(person)).status).toBe(401);
	});
});

describe("a refresh token", () => {
	it("is good once; used again it ends its whole family", async () => {
		const person = await aShopper(stoa);
		const second = await refresh(stoa, person.refreshToken);
		expect(second.status).toBe(200);
		expect(second.body.refreshToken).not.toBe(person.refreshToken);

		expect(await refresh(stoa, person.refreshToken)).toMatchObject(refused("refresh_token_reused"));

		expect((await refresh(stoa, second.body.refreshToken)).status).toBe(401);
		expect((await me({ token: second.body.accessToken })).status).toBe(401);
		expect((await me(person)).status).toBe(401);
		expect((await login(stoa, person)).status).toBe(200);
	});

	it("that nobody ever gave is refused", async () => {
		expect((await refresh(stoa, "made-up")).status).toBe(401);
	});
});

describe("access tokens", () => {
	it("that are forged, cut or of another make are refused with the way to authenticate", async () => {
		const { token } = await aShopper(stoa);
		const [header, claims, signature] = token.split(".") as [string, string, string];
		const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
		const raised = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url").toString()), roles: ["admin"] })).toString(
			"base64url",
		);
		for (const forged of [
			`${none}.${claims}.`,
			`${header}.${raised}.${signature}`,
			`${header}.${claims}.`,
			`${header}.${claims}`,
			"x",
			`${token}x`,
		]) {
			const answer = await me({ token: forged });
			expect({ forged, status: answer.status }).toEqual({ forged, status: 401 });
			expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
		}
		expect((await request(stoa, "GET", "/v1/users/me", { headers: { Authorization: "Basic YTpi" } })).status).toBe(401);
	});
});

describe("failed logins", () => {
	it("an unknown email and a wrong password answer the same", async () => {
		const { email } = await aShopper(stoa);
		const wrong = await login(stoa, { email, password: "not this one at all" });
		const unknown = await login(stoa, { email: "nobody@example.com", password: "not this one at all" });
		const told = ({ status, body }: typeof wrong) => ({ status, ...body, requestId: undefined });
		expect(told(wrong)).toEqual(told(unknown));
		expect(wrong).toMatchObject(refused("invalid_credentials"));
	});

	it("are answered 429 after ten of one account from one address, also with the right password; others get in", async () => {
		const person = await aShopper(stoa);
		const other = await aShopper(stoa);
		const wrong = { email: person.email, password: "not this one at all" };
		for (let tried = 0; tried < 10; tried++) expect((await login(stoa, wrong)).status).toBe(401);

		const { status, headers, body } = await login(stoa, person);

		expect({ status, ...body }).toMatchObject({ status: 429, code: "rate_limited", retryable: true });
		expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
		expect((await login(stoa, other)).status).toBe(200);
		// The session that was open is nobody's fault.
		expect((await me(person)).status).toBe(200);
	});
});

describe("requests above the limit", () => {
	it("of one address to sign in are answered 429 with the time to wait", async () => {
		const limited = await startStoa({ env: { STOA_RATE_LIMITS: "on" } });
		try {
			const statuses: number[] = [];
			for (let tried = 0; tried < 301; tried++) statuses.push((await request(limited, "GET", "/v1/auth/sessions")).status);
			// An answer of Redis that came too late to a busy gateway counts twice: a limit errs to the strict side, by as much.
			expect(statuses.slice(0, 295).filter(status => status !== 401)).toEqual([]);
			expect(statuses[300]).toBe(429);
			expect((await request(limited, "GET", "/v1/products")).status).toBe(200);
			expect((await request(limited, "GET", "/healthz")).status).toBe(200);
		} finally {
			await limited.stop();
		}
	});
});
