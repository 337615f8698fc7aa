// Buying while risk is away, and what becomes of it when risk is back.
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Page } from "../../lib/vocabulary.ts";
import type { Operation, Order } from "../../services/commerce/orders/orders.contract.ts";
import type { Case } from "../../services/risk/fraud/cases.contract.ts";
import type { Decision } from "../../services/risk/fraud/fraud.contract.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import * as shop from "../support/http.ts";
import { administrator } from "../support/product.ts";
import { aRule } from "../support/rules.ts";

/** The issue's: what went on unjudged is judged so soon after risk is back. */
const judgedWithinMs = 10_000;

/** The sandbox declines each of them. */
const declinedCards = ["4000000000000010", "4000000000000028", "4000000000000036", "4000000000000044", "4000000000000051"];

describeWith(
	"nats",
	"sql",
	"mongo",
	"redis",
)("a shop whose risk was killed", () => {
	let cluster: Cluster;
	let admin: shop.Person;
	let analyst: shop.Person;
	const bought: { small?: Order; large?: Order; operation?: Operation } = {};

	beforeAll(async () => {
		const [nats, sql, mongo, redis] = await Promise.all((["nats", "sql", "mongo", "redis"] as const).map(sharedServer));
		cluster = await startCluster({
			urls: { nats: nats!, sql: sql!, mongo: mongo!, redis: redis! },
			nodes: [
				{ name: "shop", services: "edge,identity,commerce,notification,platform" },
				{ name: "risk", services: "risk" },
			],
			env: { STOA_RISK_PASS_BELOW: "2000" },
		});
		admin = await shop.signIn(cluster, administrator);
		analyst = await shop.staff(cluster, admin, "risk");
		const declined = { counter: "declinedInstruments" as const, by: "device" as const, window: "PT1H" };
		const rules = [
			aRule({ id: "to-greece", when: { fact: "country", operator: "eq", value: shop.anAddress.country }, outcome: "review" }),
			aRule({ id: "many-cards", when: { fact: declined, operator: "gte", value: 4 }, outcome: "block", scope: "device" }),
		];
		await shop.granted(200, shop.request(cluster, "PUT", "/v1/fraud/rules", { token: analyst.token, body: { rules } }));
	}, 120_000);
	afterAll(async () => cluster?.remove({ dropNamespace: true }), 60_000);

	const caseOf = async ({ id }: Order) => {
		const open = () => shop.request<Page<Case>>(cluster, "GET", "/v1/fraud/cases?status=open&limit=100", { token: analyst.token });
		const isThere = ({ status, body }: shop.Answer<Page<Case>>) => status === 200 && body.data.some(({ orderId }) => orderId === id);
		const { body } = await shop.eventually(open, isThere, judgedWithinMs);
		return body.data.find(({ orderId }) => orderId === id)!;
	};
	async function decide(order: Order, decision: "falsePositive" | "confirmed"): Promise<void> {
		const { id } = await caseOf(order);
		const { token } = analyst;
		await shop.granted(200, shop.request(cluster, "POST", `/v1/fraud/cases/${id}/claim`, { token }));
		await shop.granted(200, shop.request(cluster, "POST", `/v1/fraud/cases/${id}/decision`, { token, body: { decision } }));
	}
	/** What a card that its bank declines is answered with. */
	async function triesCard(sku: string, number: string): Promise<string | undefined> {
		const card = { number, expMonth: 12, expYear: 2040, cvc: "123" };
		const { token: pay } = await shop.granted(201, shop.request<{ token: string }>(cluster, "POST", "/v1/sandbox/tokens", { body: card }));
		const cart = await shop.aGuestCart(cluster, [{ sku, quantity: 1 }]);
		return (await shop.checkout(cluster, cart, { pay, headers: { "Device-Id": "a-device-that-tries-cards" } })).body.code;
	}
	const orderOf = ({ id }: Order) => shop.get<Order>(cluster, `/v1/orders/${id}`, { token: admin.token });

	it("sells what costs little, and says that it is checked later; what costs more waits for an analyst", async () => {
		const small = await shop.aProduct(cluster, admin, { price: 1900, stock: 5 });
		const large = await shop.aProduct(cluster, admin, { price: 2000, stock: 5 });
		await cluster.node("risk").kill();
		for (const number of declinedCards.slice(0, 4)) expect(await triesCard(small.sku, number)).toBe("card_declined");
		bought.small = await shop.granted(201, shop.checkout(cluster, await shop.aGuestCart(cluster, [{ sku: small.sku, quantity: 1 }])));
		expect(bought.small).toMatchObject({ status: "confirmed", paymentStatus: "captured", riskUnavailable: true });
		const cart = await shop.aGuestCart(cluster, [{ sku: large.sku, quantity: 1 }]);
		const { operation } = await shop.granted(202, shop.checkout(cluster, cart));
		expect(operation).toMatchObject({ status: "pending" });
		bought.operation = operation!;
		const { data } = await shop.get<Page<Order>>(cluster, "/v1/orders?status=onHold", { token: admin.token });
		bought.large = data.find(({ cartId }) => cartId === cart.id)!;
	}, 60_000);

	it("has both judged soon after it is back, and a case for each", async () => {
		await cluster.node("risk").restart();
		for (const order of [bought.small!, bought.large!]) {
			const path = `/v1/fraud/decisions?orderId=${order.id}`;
			// The gateway may not have met the new node yet.
			const decisions = () => shop.request<Page<Decision>>(cluster, "GET", path, { token: analyst.token });
			const { body } = await shop.eventually(decisions, answer => answer.status === 200 && answer.body.data.length > 0, judgedWithinMs);
			expect(body.data).toMatchObject([{ orderId: order.id, outcome: "review" }]);
			await caseOf(order);
		}
	}, 60_000);

	it("lets the one go on that an analyst approves, and gives the money of the other back", async () => {
		await decide(bought.large!, "falsePositive");
		await decide(bought.small!, "confirmed");
		const approved = await shop.eventually(
			() => orderOf(bought.large!),
			({ paymentStatus }) => paymentStatus === "captured",
		);
		expect(approved.status).toBe("confirmed");
		const undone = await shop.eventually(
			() => orderOf(bought.small!),
			({ status }) => status === "cancelled",
		);
		expect(undone.paymentStatus).toBe("refunded");
	}, 60_000);

	it("refuses the next card of the device that tried four while nobody looked", async () => {
		const { sku } = await shop.aProduct(cluster, admin, { price: 1900, stock: 1 });
		expect(await triesCard(sku, declinedCards[4]!)).toBe("fraud_rejected");
	}, 60_000);
});
