// A small world in which everything holds, and each thing that can be wrong with it.
import { describe, expect, it } from "@jest/globals";
import type { Envelope } from "../../../lib/vocabulary.ts";
import { beginning, headAt, type Link, linkOf } from "../../../services/platform/audit/audit.domain.ts";
import type { Evidence } from "./evidence.ts";
import * as invariants from "./invariants.ts";
import { Keyed, Memory } from "./memory.ts";
import { findSecrets } from "./secrets.ts";

type Found = invariants.Found;

const fact = (type: string, position: number, data: object): Envelope => ({
	id: `evt_${type}_${position}`,
	type,
	version: 1,
	key: "ord_1",
	producer: type.split(".")[0]!,
	position,
	occurredAt: "2026-11-21T12:00:00.000Z",
	requestId: null,
	traceparent: null,
	actor: null,
	data: data as Envelope["data"],
});

function chainOf(facts: readonly Envelope[]): Link[] {
	let head = beginning;
	return facts.map(each => {
		const link = linkOf(head, each);
		head = headAt(link);
		return link;
	});
}

const answered = (name: Keyed["name"], path: string, status: number, body: object) => {
	const keyed = new Keyed(name, { method: "POST", path, key: `key of ${path}`, allowed: [] });
	keyed.final = { status, text: JSON.stringify(body) };
	return keyed;
};

/** One guest has bought two pieces of five for 300 each; one piece came later. */
function aSoundWorld(): Found & { facts: Envelope[] } {
	const facts = [fact("orders.placed", 1, { orderId: "ord_1", userId: null }), fact("payments.captured", 1, { orderId: "ord_1" })];
	const evidence: Evidence = {
		outbox: facts.map(({ producer, id, position, ...rest }) => ({ producer, id, position, fact: { producer, id, ...rest } })),
		floors: ["orders", "payments"].map(producer => ({ service: "audit", producer, position: 1 })),
		letters: [],
		sagas: [{ service: "orders", id: "opr_1", kind: "checkout", status: "succeeded", updatedAt: 0 }],
		orders: [
			{ id: "ord_1", cartId: "crt_1", status: "confirmed", paymentStatus: "captured", items: [{ sku: "A", quantity: 2 }], total: 600 },
		],
		carts: [{ id: "crt_1", status: "completed", orderId: "ord_1" }],
		payments: [{ id: "pay_1", orderId: "ord_1", status: "captured", amount: 600, captured: 600, refunded: 0 }],
		refunds: [],
		intents: [{ id: "int_1", operation: "capture", status: "closed" }],
		charges: [{ authorizationKey: "k", paymentId: "pay_1", status: "captured", amount: 600, captured: 600, refunded: 0 }],
		moves: [{ moveKey: "m", authorizationKey: "k", operation: "capture", amount: 600, declineCode: null }],
		shelves: [{ sku: "A", onHand: 4, reserved: 0 }],
		movements: [5, 1, -2].map(delta => ({ sku: "A", delta, reason: "" })),
		reservations: [{ orderId: "ord_1", status: "committed" }],
		chain: chainOf(facts),
		accounts: [{ userId: "usr_1", status: "active" }],
		profiles: [{ userId: "usr_1" }],
		products: [{ _id: "prd_1", revision: 3 }],
		notifications: [{ type: "order.confirmed", channel: "email", userId: null, orderId: "ord_1" }],
	};
	const memory = new Memory();
	memory.goods.push({ productId: "prd_1", sku: "A", price: 300, stock: 5, isScarce: true });
	memory.restocks.push({ sku: "A", delta: 1, keyed: answered("restock", "/A", 201, {}) });
	const checkouts = [answered("checkout", "/crt_1", 201, { id: "ord_1" })];
	memory.purchases.push({ cartId: "crt_1", cartToken: "t", card: "visa", by: undefined, checkouts });
	memory.carts.push("crt_1");
	memory.registered.push({ userId: "usr_1", email: "", password: "" });
	memory.edits.set("prd_1", [2, 3]);
	const state = {
		service: "audit",
		head: 0,
		pending: 0,
		oldestSeconds: 0,
		cursors: { orders: 1, payments: 1 },
		hasSagas: false,
		storeId: "",
	};
	return { evidence, memory, states: [state], facts };
}

const { stock, orders, money, events, idempotency, audit, notifications, acknowledged } = invariants;
const ask = { stock, orders, money, events, idempotency, audit, notifications, acknowledged };
type Question = keyof typeof ask;

it.each(Object.keys(ask) as Question[])("a world in which everything holds has no breach of %s", question => {
	expect(ask[question](aSoundWorld())).toEqual([]);
});

const breaches: [what: string, question: Question, spoil: (world: ReturnType<typeof aSoundWorld>) => unknown][] = [
	["a piece that vanished", "stock", ({ evidence }) => (evidence.shelves[0]!.onHand = 3)],
	["stock still promised", "stock", ({ evidence }) => (evidence.shelves[0]!.reserved = 1)],
	["a delivery put on its shelf twice", "stock", ({ evidence }) => evidence.movements.push({ sku: "A", delta: 1, reason: "" })],
	["more sold than there were", "stock", ({ memory }) => (memory.goods[0]!.stock = 0)],
	["an acknowledged order that is not there", "orders", ({ evidence }) => evidence.orders.pop()],
	["a cart bought twice", "orders", ({ evidence }) => evidence.orders.push({ ...evidence.orders[0]!, id: "ord_2" })],
	[
		"an order for a checkout that was refused",
		"orders",
		({ memory }) => (memory.purchases[0]!.checkouts = [answered("checkout", "/crt_1", 422, {})]),
	],
	["a saga that is not over", "orders", ({ evidence }) => (evidence.sagas[0]!.status = "compensating")],
	["a cart that hangs", "orders", ({ evidence }) => (evidence.carts[0]!.status = "completing")],
	[
		"money still held",
		"money",
		({ evidence }) => evidence.charges.push({ ...evidence.charges[0]!, paymentId: "pay_2", status: "authorized" }),
	],
	["a payment charged twice", "money", ({ evidence }) => evidence.charges.push({ ...evidence.charges[0]!, authorizationKey: "other" })],
	["money taken for no order", "money", ({ evidence }) => evidence.orders.pop()],
	["a refund that the bank knows and we do not", "money", ({ evidence }) => (evidence.charges[0]!.refunded = 100)],
	["an order that says voided though it was paid", "money", ({ evidence }) => (evidence.orders[0]!.paymentStatus = "voided")],
	["a cancelled order that kept its money", "money", ({ evidence }) => (evidence.orders[0]!.status = "cancelled")],
	["a fact that nobody heard", "events", ({ evidence }) => evidence.chain.pop()],
	["a fact heard twice", "events", ({ evidence }) => evidence.chain.push(evidence.chain[0]!)],
	["a fact heard that nobody told", "events", ({ evidence }) => evidence.outbox.pop()],
	["a fact without a position", "events", ({ evidence }) => (evidence.outbox[0]!.position = null)],
	["a listener that is behind", "events", ({ evidence }) => (evidence.floors[0]!.position = 0)],
	["a dead letter", "events", ({ evidence }) => evidence.letters.push({ service: "orders", id: "evt", status: "dead", error: "" })],
	["one request with two answers", "idempotency", ({ memory }) => memory.contradictions.push("201, then 409")],
	["an entry of the audit that was changed", "audit", ({ evidence }) => (evidence.chain[0]!.data = "{}")],
	["a message that is missing", "notifications", ({ evidence }) => evidence.notifications.pop()],
	["a message that came twice", "notifications", ({ evidence }) => evidence.notifications.push(evidence.notifications[0]!)],
	["an acknowledged cart that is not there", "acknowledged", ({ memory }) => memory.carts.push("crt_2")],
	["an account without a profile", "acknowledged", ({ evidence }) => evidence.profiles.pop()],
	["an edit that was lost", "acknowledged", ({ evidence }) => (evidence.products[0]!.revision = 2)],
	["two edits that overwrote each other", "acknowledged", ({ memory }) => memory.edits.set("prd_1", [3, 3])],
	[
		"an acknowledged refund that is not there",
		"acknowledged",
		({ memory }) => (memory.purchases[0]!.refund = answered("refund", "/pay_1", 201, { id: "rfd_1" })),
	],
];

it.each(breaches)("%s is a breach of %s", (_what, question, spoil) => {
	const world = aSoundWorld();
	spoil(world);
	expect(ask[question](world)).not.toEqual([]);
});

it("facts of one key that were heard in another order are a breach", () => {
	const world = aSoundWorld();
	const facts = [fact("orders.placed", 1, {}), fact("orders.paid", 2, {})];
	world.evidence.outbox = facts.map(each => ({ producer: "orders", id: each.id, position: each.position, fact: each }));
	world.evidence.chain = chainOf([facts[1]!, facts[0]!]);
	expect(invariants.events(world).join()).toContain("came after a later fact");
});

describe("looking for secrets", () => {
	async function* texts(): AsyncIterable<[string, string]> {
		yield ["the table a.b", '{"state":"{\\"token\\":\\"pw-0123456789abcdef\\"}"}'];
		yield ["the log", "nothing at all of interest here"];
	}

	it("finds one inside of JSON inside of JSON, and names it without repeating it", async () => {
		expect(await findSecrets(new Map([["pw-0123456789abcdef", "a password"]]), texts())).toEqual(["a password was found in the table a.b"]);
	});

	it("finds nothing where there is nothing", async () => {
		expect(await findSecrets(new Map([["another-secret-word", "a password"]]), texts())).toEqual([]);
	});
});
