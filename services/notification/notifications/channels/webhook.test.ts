import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../../lib/clock.ts";
import { readConfig } from "../../../../lib/config.ts";
import { ask } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { isSigned } from "../../../../lib/signature.ts";
import { storeContract } from "../../../../lib/store-contract.ts";
import { anOrder, OrderNeighbours, until } from "../../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import * as notifications from "../notifications.contract.ts";

const secret = "between the shop and its gateway";

interface Posted {
	path: string;
	headers: IncomingHttpHeaders;
	body: string;
}

describe("SMS and push through the shop's own gateways", () => {
	let stoa: Stoa;
	let clock: ReturnType<typeof handClock>;
	let shop: OrderNeighbours;
	let server: Server;
	let posted: Posted[];
	/** Undefined: the line is cut instead. */
	let status: number | undefined;

	beforeEach(async () => {
		clock = handClock();
		shop = new OrderNeighbours();
		posted = [];
		status = 202;
		server = createServer((request, response) => {
			void text(request).then(body => {
				posted.push({ path: request.url!, headers: request.headers, body });
				if (status === undefined) response.destroy();
				else response.writeHead(status, { Location: "/elsewhere" }).end("an answer that nobody reads");
			});
		});
		await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const env = { STOA_SMS_WEBHOOK_URL: `${url}/sms`, STOA_PUSH_WEBHOOK_URL: `${url}/push`, STOA_NOTIFY_WEBHOOK_SECRET: secret };
		stoa = await startStoa({ services: ["notification/notifications"], also: shop.services(), clock, env });
		shop.joined(stoa);
	});
	afterEach(async () => {
		await stoa.stop();
		server.closeAllConnections();
		await new Promise<void>(resolve => server.close(() => resolve()));
	});

	/** Somebody who wants to hear over these channels, and buys. */
	const buyer = async (...channels: notifications.ChannelName[]) => {
		const userId = newId("usr", Date.now());
		await ask(stoa.broker, notifications.setPreferences, { locale: "de", channels: { "*": channels } }, { meta: stoa.as(userId) });
		await shop.place(anOrder({ userId }));
		return userId;
	};
	const settled = (userId: string, wanted: notifications.DeliveryStatus) =>
		until(
			async () => (await ask(stoa.broker, notifications.ofUser, { userId })).data,
			data => data.length > 0 && data.every(seen => seen.status === wanted),
		);
	const letters = () => ask(stoa.broker, storeContract("notifications").listLetters, { limit: 10 });

	it("posts each message once, to its channel's address, signed, with a key for repeats", async () => {
		const userId = await buyer("sms", "push");
		const told = await settled(userId, "sent");
		expect(posted.map(({ path }) => path).sort()).toEqual(["/push", "/sms"]);
		const { headers, body } = posted.find(({ path }) => path === "/sms")!;
		const sms = told.find(({ channel }) => channel === "sms")!;
		expect(isSigned(secret, body, String(headers["stoa-signature"]), clock.now())).toBe(true);
		expect(headers).toMatchObject({ "idempotency-key": sms.id, "content-type": "application/json" });
		expect(JSON.parse(body)).toEqual({
			channel: "sms",
			id: sms.id,
			type: "order.confirmed",
			userId,
			orderId: expect.stringMatching(/^ord_/),
			locale: "de",
			title: "Bestellung 1001 ist bestätigt",
			body: sms.body,
			createdAt: "2026-01-05T09:00:00.000Z",
		});
	});

	it.each([
		["is busy", 503, "refused 503"],
		["asks for patience", 429, "refused 429"],
		["does not know our secret any more", 401, "refused 401"],
		["points elsewhere", 307, "refused 307"],
		["cuts the line", undefined, "UND_ERR_SOCKET"],
	])("tries again under the same key when the gateway %s", async (_title, refusal, error) => {
		status = refusal;
		const userId = await buyer("push");
		expect(await until(letters, seen => seen.length > 0)).toMatchObject([{ status: "retrying", attempts: 1, error }]);
		status = 200;
		clock.move(5000);
		const [{ id }] = (await settled(userId, "sent")) as [notifications.Notification];
		expect(posted.map(({ path, headers }) => [path, headers["idempotency-key"]])).toEqual([
			["/push", id],
			["/push", id],
		]);
		expect(await letters()).toEqual([]);
	});

	it.each([400, 410, 422])("gives up at once when the gateway will never take the message (%i)", async refusal => {
		status = refusal;
		const userId = await buyer("sms");
		await settled(userId, "failed");
		expect(await letters()).toMatchObject([
			{ status: "dead", error: `refused with ${refusal}`, key: userId, type: "notifications.queued" },
		]);
		expect(posted).toHaveLength(1);
	});

	it("sends the rest while one channel's gateway fails", async () => {
		status = 500;
		const userId = await buyer("push", "inApp", "email");
		await until(letters, seen => seen.length > 0);
		const { data } = await ask(stoa.broker, notifications.ofUser, { userId });
		expect(data.map(({ channel, status }) => `${channel} ${status}`).sort()).toEqual(["email kept", "inApp sent", "push queued"]);
	});
});

describe("the settings of the gateways", () => {
	const url = "https://messages.example/stoa";

	it.each([
		["a URL that is none", { STOA_SMS_WEBHOOK_URL: "messages.example" }, "STOA_SMS_WEBHOOK_URL"],
		[
			"a URL with a password in it",
			{ STOA_PUSH_WEBHOOK_URL: "https://u:p@messages.example", STOA_NOTIFY_WEBHOOK_SECRET: secret },
			"signature",
		],
		["a URL without the secret", { STOA_PUSH_WEBHOOK_URL: url }, "STOA_NOTIFY_WEBHOOK_SECRET must be set"],
		["a secret that can be guessed", { STOA_SMS_WEBHOOK_URL: url, STOA_NOTIFY_WEBHOOK_SECRET: "short" }, "16 characters"],
		["a secret for no URL", { STOA_NOTIFY_WEBHOOK_SECRET: secret }, "STOA_NOTIFY_WEBHOOK_SECRET is set without"],
	])("stop the start: %s", (_title, env, sentence) => {
		expect(() => readConfig(env)).toThrow(sentence);
	});

	it("are asked of the node that posts there alone", () => {
		expect(readConfig({ STOA_SMS_WEBHOOK_URL: url, SERVICES: "commerce" }).notifyWebhooks).toEqual({ sms: undefined, push: undefined });
		expect(
			readConfig({ STOA_SMS_WEBHOOK_URL: url, STOA_NOTIFY_WEBHOOK_SECRET: secret, SERVICES: "notification" }).notifyWebhooks.sms,
		).toEqual({
			url,
			secret,
		});
	});
});
