// Somebody who does too much of everything, a taker-over of accounts, and a tester of cards: each as the shop, the buyer and the analyst see it.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Operation } from "../../services/commerce/orders/orders.contract.ts";
import type { Notification } from "../../services/notification/notifications/notifications.contract.ts";
import type { Case, FraudUser } from "../../services/risk/fraud/cases.contract.ts";
import type { Decision } from "../../services/risk/fraud/fraud.contract.ts";
import * as shop from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: shop.Person;
let analyst: shop.Person;
let operator: shop.Person;
let sku: string;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await shop.anAdministrator(stoa);
	analyst = await shop.staff(stoa, admin, "risk");
	operator = await shop.staff(stoa, admin, "operator");
	sku = (await shop.aProduct(stoa, admin, { price: 1200, stock: 500 })).sku;
});
afterAll(() => stoa.stop());

const asAnalyst = <Body>(path: string) => shop.get<Body>(stoa, path, { token: analyst.token });
const standing = ({ id }: { id: string }) => asAnalyst<FraudUser>(`/v1/fraud/users/${id}`);
const casesOf = async (query: string) => (await asAnalyst<Page<Case>>(`/v1/fraud/cases?limit=100${query}`)).data;
const notesOf = async ({ token }: shop.Person) =>
	(await shop.get<Page<Notification>>(stoa, "/v1/notifications?limit=100", { token })).data.map(
		({ type, channel }) => `${type} ${channel}`,
	);

/** In batches, as an app does that was without a network for a while. */
async function visits({ token }: shop.Person, count: number, from = 0): Promise<void> {
	for (let at = 0; at < count; at += 50) {
		const items = Array.from({ length: Math.min(50, count - at) }, (_, n) => ({ kind: "visit", target: `/watches/${from + at + n}` }));
		await shop.granted(201, shop.request(stoa, "POST", "/v1/interactions/batch", { token, body: { items } }));
	}
}

describe("somebody who visits a hundred pages", () => {
	it("is clear after 99, and flagged with a case and word to everybody concerned after one more", async () => {
		const busy = await shop.aShopper(stoa);
		expect(await standing(busy)).toMatchObject({ status: "clear", counters: { interactions: 0 } });
		await visits(busy, 99);
		await shop.eventually(
			() => standing(busy),
			({ counters }) => counters.interactions === 99,
		);
		expect(await standing(busy)).toMatchObject({ status: "clear", reasons: [] });

		await visits(busy, 1, 99);
		const flagged = await shop.eventually(
			() => standing(busy),
			({ status }) => status === "flagged",
		);
		expect(flagged).toMatchObject({ counters: { interactions: 100 }, reasons: [{ rule: "interactions.lifetime" }] });
		expect(await casesOf(`&userId=${busy.id}`)).toMatchObject([{ entity: { kind: "user", id: busy.id }, status: "open", userId: busy.id }]);
		await shop.eventually(
			() => notesOf(busy),
			notes => notes.includes("account.flagged inApp"),
		);
		await shop.eventually(
			() => notesOf(operator),
			notes => notes.includes("operator.userFlagged inApp"),
		);
		const events = await shop.get<Page<object>>(stoa, `/v1/events?type=fraud.userFlagged&key=${busy.id}`, { token: admin.token });
		expect(events.data).toHaveLength(1);
	});

	it("is challenged when buying, until an analyst clears them", async () => {
		const busy = await shop.aShopper(stoa);
		await visits(busy, 110);
		await shop.eventually(
			() => standing(busy),
			({ status }) => status === "flagged",
		);

		const cart = await shop.aCartOf(stoa, busy, [{ sku, quantity: 1 }]);
		const { operation } = await shop.granted(202, shop.checkout(stoa, cart));
		expect(operation!.nextAction).toMatchObject({ type: "authenticate" });
		await shop.granted(204, shop.request(stoa, "POST", operation!.nextAction!.url, { body: { outcome: "succeed" } }));
		const state = () => shop.get<Operation>(stoa, `/v1/operations/${operation!.id}`, { token: busy.token });
		await shop.eventually(state, ({ status }) => status === "succeeded");

		const cleared = await shop.request<FraudUser>(stoa, "POST", `/v1/fraud/users/${busy.id}/clear`, {
			token: analyst.token,
			body: { reason: "They review watches for a living." },
		});
		expect(cleared).toMatchObject({ status: 200, body: { status: "clear", reasons: [], counters: { interactions: 110 } } });
		expect(await casesOf(`&userId=${busy.id}`)).toMatchObject([{ status: "closed", decision: "falsePositive" }]);
		const again = await shop.aCartOf(stoa, busy, [{ sku, quantity: 1 }]);
		await shop.granted(201, shop.checkout(stoa, again));
	});
});

describe("somebody who tries cards", () => {
	const device = { "Device-Id": "a-device-that-tries-cards" };
	/** Numbers that begin 400000 and pass their check digit. */
	const cards = Array.from({ length: 12 }, (_, n) => {
		const digits = `40000000000${String(n).padStart(4, "0")}`;
		const sum = [...digits].reverse().reduce((all, digit, at) => {
			const doubled = at % 2 === 0 ? Number(digit) * 2 : Number(digit);
			return all + (doubled > 9 ? doubled - 9 : doubled);
		}, 0);
		return `${digits}${(10 - (sum % 10)) % 10}`;
	});
	async function pays(number: string, headers: Record<string, string>) {
		const card = { number, expMonth: 12, expYear: 2099, cvc: "123" };
		const { token: pay } = await shop.granted(201, shop.request<{ token: string }>(stoa, "POST", "/v1/sandbox/tokens", { body: card }));
		const cart = await shop.aGuestCart(stoa, [{ sku, quantity: 1 }]);
		return { cart, answer: await shop.checkout(stoa, cart, { pay, headers }) };
	}

	it("is refused at the fourth, whatever follows, and the bank hears of no more than five", async () => {
		const before = (await shop.paymentsOf(stoa, admin, { status: "failed" })).length;
		const codes = [];
		for (const card of cards) codes.push((await pays(card, device)).answer.body.code);
		expect(codes.slice(0, 3)).toEqual(["card_declined", "card_declined", "card_declined"]);
		expect(codes.slice(4)).toEqual(cards.slice(4).map(() => "fraud_rejected"));
		expect((await shop.paymentsOf(stoa, admin, { status: "failed" })).length - before).toBeLessThanOrEqual(5);
		await shop.eventually(
			() => casesOf("&status=open"),
			cases => cases.some(({ entity }) => entity.kind === "device"),
		);
	});

	it("leaves a trace that explains each decision and tells the buyer nothing", async () => {
		const { answer } = await pays(cards[11]!, device);
		expect(answer).toMatchObject({ status: 422, body: { code: "fraud_rejected" } });
		expect(answer.bytes.toString()).not.toMatch(/card-testing|declinedInstruments|score/);
		const { data } = await asAnalyst<Page<Decision>>("/v1/fraud/decisions?limit=1");
		const rule = data[0]!.rules.find(({ id }) => id === "card-testing.device")!;
		expect(rule).toMatchObject({ state: "live", matched: true, conditions: [{ operator: "gte", threshold: 4, value: 4, matched: true }] });
	});

	it("has their device listed once an analyst confirms it, and whoever uses it next waits for an analyst", async () => {
		const { id } = (await casesOf("&status=open")).find(({ entity }) => entity.kind === "device")!;
		const decide = (path: string, body?: object) =>
			shop.request(stoa, "POST", `/v1/fraud/cases/${id}/${path}`, { token: analyst.token, body });
		await shop.granted(200, decide("claim"));
		await shop.granted(200, decide("decision", { decision: "confirmed", note: "Sixty cards." }));
		// A card of their own that would pay. Declined ones of this device are still in its window, so it is refused rather than held.
		const listed = () => asAnalyst<Page<{ entity: { kind: string } }>>("/v1/fraud/lists/confirmedFraud");
		await shop.eventually(listed, ({ data }) => data.some(({ entity }) => entity.kind === "device"));
		const { data } = await asAnalyst<Page<Decision>>("/v1/fraud/decisions?limit=1");
		expect(data[0]!.outcome).toBe("block");
		await pays(cards[0]!, device);
		const next = await asAnalyst<Page<Decision>>("/v1/fraud/decisions?limit=1");
		expect(next.data[0]!.rules.find(({ id: rule }) => rule === "confirmed-fraud.device")).toMatchObject({ matched: true });
	});
});

describe("somebody who takes over an account", () => {
	it("guesses a password from a new device, and is held when buying", async () => {
		const owner = { email: `owner-${Date.now()}@example.org`, password: "a long enough password", name: "Owner" };
		const home = { "Device-Id": "the-owners-own-laptop" };
		const abroad = { "Device-Id": "a-laptop-from-abroad-1" };
		const post = (path: string, body: object, headers: Record<string, string>) => shop.request(stoa, "POST", path, { body, headers });
		await shop.granted(201, post("/v1/auth/register", owner, home));
		for (let n = 0; n < 5; n++)
			await shop.granted(401, post("/v1/auth/login", { ...owner, name: undefined, password: `wrong guess number ${n}` }, abroad));
		const { email, password } = owner;
		const { accessToken } = await shop.granted(
			200,
			shop.request<{ accessToken: string }>(stoa, "POST", "/v1/auth/login", { body: { email, password }, headers: abroad }),
		);
		const { id } = await shop.get<{ id: string }>(stoa, "/v1/users/me", { token: accessToken });
		await shop.eventually(
			() => casesOf(`&userId=${id}`),
			cases => cases.length > 0,
		);

		// Nobody told us yet when the sign-in itself will have been heard.
		const buys = async () =>
			shop.checkout(stoa, await shop.aCartOf(stoa, { id, token: accessToken } as shop.Person, [{ sku, quantity: 1 }]), { headers: abroad });
		const { body } = await shop.eventually(buys, ({ status }) => status === 202);
		expect(body.operation).not.toHaveProperty("nextAction");
		const { data } = await asAnalyst<Page<Decision>>(`/v1/fraud/decisions?userId=${id}`);
		expect(data[0]).toMatchObject({ outcome: "review" });
		expect(data[0]!.rules.filter(({ matched }) => matched).map(({ id: rule }) => rule)).toContain("account-takeover");
	});
});
