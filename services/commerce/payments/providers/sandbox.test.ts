import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../../lib/clock.ts";
import { ask } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { sign } from "../../../../lib/signature.ts";
import { aPayment, paymentsOf } from "../../../../test/support/payments.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import * as contract from "../payments.contract.ts";
import * as sandbox from "./sandbox.contract.ts";

let stoa: Stoa;
const clock = handClock();

beforeAll(async () => {
	stoa = await startStoa({ services: ["commerce/payments"], clock, env: { STOA_SANDBOX_WEBHOOK_SECRET: "whsec" } });
});
afterAll(() => stoa.stop());

const authorize = (given: Parameters<typeof aPayment>[0] = {}) => ask(stoa.broker, contract.authorize, aPayment(given));
const failsWith = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ type: code });

describe("the sandbox's tokenizer", () => {
	const number = "4000 0512 3456 7894";
	const card = { number, expMonth: 12, expYear: 2030, cvc: "123" };
	const tokenize = (given: object = {}) => ask(stoa.broker, sandbox.createToken, { ...card, ...given });

	it("gives tokens of one fingerprint for one number, and the token pays", async () => {
		const [one, other] = [await tokenize(), await tokenize({ expYear: 2031 })];
		expect(one).toMatchObject({ token: expect.stringMatching(/^tok_/), brand: "visa", last4: "7894", expMonth: 12, expYear: 2030 });
		expect([other.token === one.token, other.fingerprint === one.fingerprint]).toEqual([false, true]);
		for (const _ of [1, 2]) expect(await authorize({ token: one.token })).toMatchObject({ status: "authorized", last4: "7894" });
	});

	it("keeps no number anywhere in our files", async () => {
		await tokenize();
		const files = fs.readdirSync(stoa.dataDir).filter(name => name.startsWith("payments.db"));
		expect(files.length).toBeGreaterThan(0);
		for (const name of files) expect(fs.readFileSync(path.join(stoa.dataDir, name)).includes("4000051234567894")).toBe(false);
		for (const name of files) expect(fs.readFileSync(path.join(stoa.dataDir, name)).includes(number)).toBe(false);
	});

	it("makes cards that decline, lack funds, need the buyer, or find nobody there", async () => {
		const outcome = async (digits: string) => (await authorize({ token: (await tokenize({ number: digits })).token })).status;
		const numbers = ["4000000000000002", "4000010000000001", "4000020000000000", "4000030000000009"];
		expect(await Promise.all(numbers.map(outcome))).toEqual(["declined", "declined", "pending", "unavailable"]);
	});

	it("refuses what is no card, and never repeats the number it was sent", async () => {
		for (const flawed of [
			{ number: "4000051234567890" },
			{ expYear: 2025 },
			{ cvc: "12" },
			{ expMonth: 13 },
			{ number: 4000051234567894 },
			{ more: 1 },
		]) {
			const error = await tokenize(flawed).catch((thrown: unknown) => thrown);
			expect(error).toMatchObject({ code: 422, type: "validation_failed" });
			expect(JSON.stringify(error) + String(error)).not.toMatch(/40000512|4000051/);
		}
	});
});

describe("a provider's messages", () => {
	const send = (body: object | string, given: { signature?: string; provider?: string; at?: number } = {}) => {
		const rawBody = typeof body === "string" ? body : JSON.stringify(body);
		const { provider = "sandbox", at = clock.now(), signature = sign("whsec", rawBody, at) } = given;
		return ask(stoa.broker, contract.receiveWebhook, { provider, rawBody, signature });
	};
	const message = (given: object = {}) => ({
		id: "evt_1",
		type: "payment.changed",
		paymentId: newId("pay", 0),
		occurredAt: "2026-01-05T09:00:00Z",
		...given,
	});
	const stored = (id: string) => paymentsOf(stoa).store.reader.all("SELECT * FROM webhooks WHERE eventId = ?", [id]);

	it("are stored before they are answered, twice as once", async () => {
		for (const _ of [1, 2]) expect(await send(message({ id: "evt_twice" }))).toEqual({ received: true });
		expect(await stored("evt_twice")).toHaveLength(1);
	});

	it("are refused unsigned, wrongly signed, too old, or from a provider that is not ours", async () => {
		await failsWith(send(message({ id: "evt_bad" }), { signature: "t=1,v1=00" }), "unauthenticated");
		await failsWith(send(message({ id: "evt_bad" }), { at: clock.now() - 301_000 }), "unauthenticated");
		const rawBody = JSON.stringify(message({ id: "evt_bad" }));
		await failsWith(ask(stoa.broker, contract.receiveWebhook, { provider: "sandbox", rawBody }), "unauthenticated");
		await failsWith(send(message({ id: "evt_bad" }), { provider: "nobody" }), "not_found");
		await failsWith(send("not json"), "validation_failed");
		await failsWith(send({ id: "evt_bad" }), "validation_failed");
		expect(await stored("evt_bad")).toEqual([]);
	});
});
