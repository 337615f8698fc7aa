// Notifications and preferences as a client sees them.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { newId } from "../../../lib/ids.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { AccountNeighbours } from "../../../test/support/account-neighbours.ts";
import { type Answer, type Asked, eventually, type Method, request } from "../../../test/support/http.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import type { Notification, Preferences } from "./notifications.contract.ts";
import type { PreferencesDocument } from "./preferences.domain.ts";

const path = "/v1/users/me/preferences";

let stoa: Stoa;
const house = new AccountNeighbours();
beforeAll(async () => {
	stoa = await startStoa({ services: ["notification/notifications", "edge"], also: house.services() });
	house.joined(stoa);
});
afterAll(() => stoa.stop());

const somebody = () => {
	const userId = newId("usr", Date.now());
	const token = stoa.as(userId).accessToken;
	const send = <Body>(method: Method, where: string, asked: Asked = {}): Promise<Answer<Body>> =>
		request<Body>(stoa, method, where, { token, ...asked });
	return { userId, send };
};

describe("preferences", () => {
	it("are read and replaced by whoever is signed in", async () => {
		const { send } = somebody();
		const first = await send<Preferences>("GET", path);
		expect([first.status, first.body]).toEqual([200, { locale: "en", channels: { "*": ["inApp", "email"] } }]);
		const body = { locale: "de", channels: { "*": ["email", "sms", "push", "inApp"], "order.confirmed": ["push"], "cart.abandoned": [] } };
		const put = await send<Preferences>("PUT", path, { body });
		expect([put.status, put.body]).toEqual([200, body]);
		expect((await send<Preferences>("GET", path)).body).toEqual(body);
		expect((await somebody().send<Preferences>("GET", path)).body).toEqual(first.body);
	});

	it("are nobody's without a token", async () => {
		expect(await request(stoa, "GET", path)).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
		expect(await request(stoa, "PUT", path, { body: { locale: "de" } })).toMatchObject({ status: 401 });
	});

	it.each([
		["a type that there is not", { locale: "en", channels: { "order.shiny": ["email"] } }, "/channels/order.shiny"],
		["a channel that there is not", { locale: "en", channels: { "*": ["pigeon"] } }, "/channels/*/0"],
		["a channel twice", { locale: "en", channels: { "*": ["email", "email"] } }, "/channels/*"],
		["no list", { locale: "en", channels: { "*": "email" } }, "/channels/*"],
		["a language that is none", { locale: "de_AT", channels: {} }, "/locale"],
		["a tag that only looks like one", { locale: "de-1996-1996", channels: {} }, "/locale"],
		["a field that there is not", { locale: "en", channels: {}, phone: "1" }, "/phone"],
	])("refuse %s, and stay as they are", async (_title, body, pointer) => {
		const { send } = somebody();
		const refused = await send("PUT", path, { body });
		expect(refused).toMatchObject({ status: 422, body: { code: "validation_failed" } });
		expect((refused.body as { errors: { pointer: string }[] }).errors.map(flaw => flaw.pointer)).toContain(pointer);
		expect((await send<Preferences>("GET", path)).body).toMatchObject({ locale: "en" });
	});

	it("are replaced only as they were read, if the client says so", async () => {
		const { send } = somebody();
		const tag = (await send("GET", path)).headers.get("etag")!;
		const put = (locale: string, ifMatch: string) =>
			send("PUT", path, { body: { locale, channels: {} }, headers: { "If-Match": ifMatch } });
		const first = await put("de", tag);
		expect(first.status).toBe(200);
		expect(await put("fr", tag)).toMatchObject({ status: 412, body: { code: "version_stale" } });
		expect((await put("it", first.headers.get("etag")!)).status).toBe(200);
	});
});

describe("notifications", () => {
	it("are listed with what a client needs of them, and marked as read", async () => {
		const { userId, send } = somebody();
		await house.changePassword(userId);
		const { body } = await eventually(
			() => send<{ data: Notification[]; nextCursor: string | null }>("GET", "/v1/notifications"),
			answer => answer.body.data.length === 2,
		);
		const inApp = body.data.find(({ channel }) => channel === "inApp")!;
		expect(inApp).toEqual({
			id: expect.stringMatching(/^ntf_/),
			type: "account.passwordChanged",
			channel: "inApp",
			title: "Your password was changed",
			body: expect.any(String),
			status: "sent",
			createdAt: expect.stringMatching(/Z$/),
			readAt: null,
		});
		const read = await send<Notification>("POST", `/v1/notifications/${inApp.id}/read`);
		expect([read.status, typeof read.body.readAt]).toEqual([200, "string"]);
		expect(await somebody().send("POST", `/v1/notifications/${inApp.id}/read`)).toMatchObject({ status: 404 });
	});
});

describe("an account, with the services that keep it", () => {
	let product: Stoa;
	beforeAll(async () => {
		product = await startStoa({ services: ["identity", "notification/notifications", "edge"] });
	});
	afterAll(() => product.stop());

	it("is told of a sign-in with a new device, of its own changed password, and can be erased", async () => {
		const [email, password] = ["ada@example.com", "correct horse battery"];
		const on = (device: string) => ({ "Device-Id": device.repeat(16) });
		const enter = (path: string, body: object, device: string) =>
			request<{ accessToken: string }>(product, "POST", path, { body, headers: on(device) });
		const registered = await enter("/v1/auth/register", { email, password, name: "Ada" }, "a");
		const token = registered.body.accessToken;
		await request(product, "PUT", path, { token, body: { locale: "de", channels: { "*": [] } } });
		expect((await enter("/v1/auth/login", { email, password }, "a")).status).toBe(200);
		expect((await enter("/v1/auth/login", { email, password }, "b")).status).toBe(200);
		const newPassword = "another horse battery";
		const changing = { token, body: { currentPassword: password, newPassword } };
		expect((await request(product, "POST", "/v1/auth/password", changing)).status).toBe(204);
		const { body } = await eventually(
			() => request<{ data: Notification[] }>(product, "GET", "/v1/notifications", { token }),
			answer => answer.body.data.length === 2,
		);
		expect(body.data.map(({ type, channel, title }) => [type, channel, title])).toEqual([
			["account.passwordChanged", "inApp", "Ihr Passwort wurde geändert"],
			["account.newLogin", "inApp", "Neue Anmeldung in Ihrem Konto"],
		]);
		expect((await request(product, "DELETE", "/v1/users/me", { token })).status).toBe(204);
		const { preferences } = product.service<{ preferences: Collection<PreferencesDocument> }>("notifications");
		const [forgotten] = await eventually(
			() => preferences.find({ limit: 10 }),
			found => found[0]?.erased === true,
		);
		expect(forgotten).toMatchObject({ locale: "en", channels: [] });
	});
});
