// Two nodes of one service on one database: what a single writer never meets. Each race is run on a real server; whoever loses one must not notice.
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask, type Meta } from "../../lib/contract.ts";
import { codeOf } from "../../lib/failure.ts";
import type { KeyedRequest } from "../../lib/idempotency.ts";
import { newId } from "../../lib/ids.ts";
import type { SqlService } from "../../mixins/sql-store.ts";
import * as carts from "../../services/commerce/carts/carts.contract.ts";
import * as inventory from "../../services/commerce/inventory/inventory.contract.ts";
import type { OrdersTx } from "../../services/commerce/orders/orders.store.ts";
import * as authorization from "../../services/identity/authorization/authorization.contract.ts";
import type { AuthorizationTx } from "../../services/identity/authorization/authorization.store.ts";
import { createProfile } from "../../services/identity/users/users.contract.ts";
import { verify } from "../../services/platform/audit/audit.contract.ts";
import type { AuditTx } from "../../services/platform/audit/audit.store.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

type Nodes = [Stoa, Stoa];

/** Two processes in all but name: each with its own broker, leases and pool, none knowing of the other. */
async function startTwo(services: readonly string[]): Promise<Nodes> {
	const env = {
		STOA_SQL_URL: await sharedServer("sql"),
		STOA_NAMESPACE: `two_${randomBytes(5).toString("hex")}`,
		STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
	};
	return Promise.all([startStoa({ services, env }), startStoa({ services, env })]);
}
const stopBoth = (nodes: Nodes | undefined) => Promise.all((nodes ?? []).map(node => node.stop()));

const times = <T>(count: number, work: (at: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, at) => work(at)));
const order = () => newId("ord", Date.now());
const storeOf = <Tx extends OrdersTx | AuditTx | AuthorizationTx>(node: Stoa, name: string) => node.service<SqlService<Tx>>(name).store;

describeWith("sql")("two nodes of the inventory", () => {
	let nodes: Nodes;
	const at = (turn: number) => nodes[turn % 2]!.broker;
	const skus = ["RACE-A", "RACE-B", "RACE-C"];
	const keyed = (key: string): Meta => ({
		...nodes[0].as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["admin"]),
		request: {
			id: newId("req", Date.now()),
			method: "POST",
			path: "/v1/inventory/x/adjustments",
			address: "",
			idempotencyKey: key,
			bodyHash: "same",
		},
	});

	beforeAll(async () => {
		nodes = await startTwo(["commerce/inventory"]);
	});
	afterAll(async () => void (await stopBoth(nodes)));

	it("puts up one shelf for a SKU that both first hear of, and counts every delivery once", async () => {
		await times(20, turn => {
			const deliveries = skus.map(sku => ({ id: `${sku}-${turn % 5}`, sku, delta: 4, reason: "opening stock" }));
			return ask(at(turn), inventory.receiveBatch, { deliveries: turn % 2 ? deliveries : deliveries.toReversed() });
		});
		const { levels } = await ask(at(0), inventory.levels, { skus });
		expect(levels.map(({ available }) => available)).toEqual([20, 20, 20]);
	});

	it("promises exactly what there is to buyers who name the shelves in every order", async () => {
		const outcomes = await times(60, async turn => {
			const lines = skus.map((_, offset) => ({ sku: skus[(turn + offset) % 3]!, quantity: 1 }));
			return ask(at(turn), inventory.reserve, { orderId: order(), lines }).then(
				() => "held",
				error => codeOf(error) ?? String(error),
			);
		});
		expect(outcomes.filter(outcome => outcome === "held")).toHaveLength(20);
		expect(outcomes.filter(outcome => outcome === "out_of_stock")).toHaveLength(40);
		expect(await ask(at(1), inventory.checkStock, {})).toMatchObject({ sound: true });
	});

	it("ends without a promise when a promise and its undo meet", async () => {
		await times(20, turn =>
			ask(at(turn), inventory.receiveBatch, { deliveries: [{ id: `more-${turn}`, sku: skus[0]!, delta: 1, reason: "more" }] }),
		);
		const outcomes = await times(20, async turn => {
			const orderId = order();
			const reserved = ask(at(turn), inventory.reserve, { orderId, lines: [{ sku: skus[0]!, quantity: 1 }] });
			const [promise] = await Promise.allSettled([reserved, ask(at(turn + 1), inventory.release, { orderId })]);
			return promise.status === "fulfilled" ? "held" : codeOf(promise.reason);
		});
		expect(new Set([...outcomes, "held", "reservation_released"])).toEqual(new Set(["held", "reservation_released"]));
		expect((await ask(at(0), inventory.levels, { skus: [skus[0]!] })).levels[0]).toMatchObject({ available: 20 });
	});

	it("makes one movement of the same keyed adjustment on both, answered alike", async () => {
		const answers = await times(16, turn =>
			ask(
				nodes[turn % 2]!.broker,
				inventory.adjust,
				{ sku: "KEYED", delta: 5, reason: "found" },
				{ meta: { ...keyed("once"), ...nodes[turn % 2]!.as("usr_01jd9w6qkz8m4f2v7b3c5n1x0r", ["admin"]) } },
			),
		);
		expect(new Set(answers.map(answer => JSON.stringify(answer)))).toEqual(
			new Set([JSON.stringify({ sku: "KEYED", onHand: 5, reserved: 0, available: 5 })]),
		);
	});
});

describeWith("sql")("two nodes of the orders", () => {
	let nodes: Nodes;
	beforeAll(async () => {
		nodes = await startTwo(["commerce/orders"]);
	});
	afterAll(async () => void (await stopBoth(nodes)));

	it("number orders without a gap and without a double", async () => {
		const numbers = await times(40, turn => storeOf<OrdersTx>(nodes[turn % 2]!, "orders").transaction(tx => tx.nextSequence()));
		expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => 1001 + at));
	});

	it("begin one attempt for a cart that both are asked to buy", async () => {
		const cartId = newId("crt", Date.now());
		const begun = await times(12, turn =>
			storeOf<OrdersTx>(nodes[turn % 2]!, "orders").transaction(tx =>
				tx.insertAttempt({ id: newId("opr", tx.now()), orderId: order(), cartId, userId: null, tokenHash: null }),
			),
		);
		expect(begun.filter(Boolean)).toHaveLength(1);
	});

	it("keep one answer under one key, and every repeat reads it", async () => {
		const request: KeyedRequest = { scope: randomUUID(), bodyHash: "same", requestId: "req_first" };
		const replies: Meta[] = [];
		const answers = await times(24, async turn => {
			const ctx = { meta: {} as Meta };
			const answer = await storeOf<OrdersTx>(nodes[turn % 2]!, "orders").once(ctx, { ...request, requestId: `req_${turn}` }, async tx => {
				ctx.meta.reply = { status: 201 };
				return tx.nextSequence();
			});
			replies.push(ctx.meta);
			return answer;
		});
		expect(new Set(answers).size).toBe(1);
		expect(replies.filter(({ reply }) => reply?.replayed)).toHaveLength(23);
		expect(replies.every(({ reply }) => reply?.status === 201)).toBe(true);
	});
});

describeWith("sql")("two nodes of the carts", () => {
	let nodes: Nodes;
	beforeAll(async () => {
		nodes = await startTwo(["commerce/carts"]);
	});
	afterAll(async () => void (await stopBoth(nodes)));

	it("begin one cart for a user who asks both at once", async () => {
		const userId = newId("usr", Date.now());
		const made = await times(12, turn => {
			const node = nodes[turn % 2]!;
			return ask(node.broker, carts.create, {}, { meta: node.as(userId) });
		});
		expect(new Set(made.map(({ id }) => id)).size).toBe(1);
	});
});

describeWith("sql")("two nodes of who is who", () => {
	let nodes: Nodes;
	beforeAll(async () => {
		nodes = await startTwo(["identity"]);
	});
	afterAll(async () => void (await stopBoth(nodes)));

	it("keep an administrator when two take each other's role away at once", async () => {
		for (let round = 0; round < 5; round++) {
			const [one, other] = [newId("usr", Date.now()), newId("usr", Date.now())] as const;
			for (const userId of [one, other]) {
				await ask(nodes[0].broker, createProfile, { userId, name: "Admin" });
				await ask(nodes[0].broker, authorization.assignRoles, { userId, roles: ["admin"] });
			}
			const outcomes = await Promise.allSettled(
				[one, other].map((id, at) =>
					ask(nodes[at]!.broker, authorization.setRoles, { id, roles: ["customer"] }, { meta: nodes[at]!.as(one, ["admin"]) }),
				),
			);
			const refused = outcomes.filter(outcome => outcome.status === "rejected");
			expect(refused.map(({ reason }) => codeOf(reason))).toEqual(["last_administrator"]);
			const { userIds } = await ask(nodes[0].broker, authorization.usersWithRole, { role: "admin" });
			expect(userIds).toHaveLength(1);
			// The next round begins without one.
			await storeOf<AuthorizationTx>(nodes[0], "authorization").transaction(tx => tx.run("DELETE FROM holders"));
		}
	});

	it("tell the first refusal of a minute once", async () => {
		const refusal = { userId: newId("usr", Date.now()), action: "users.disable", permission: "users:write" };
		const told = await times(10, turn =>
			storeOf<AuthorizationTx>(nodes[turn % 2]!, "authorization").transaction(tx => tx.recordRefusals(refusal, 60_000, 1, true)),
		);
		expect(told.filter(Boolean)).toHaveLength(1);
	});
});

describeWith("sql")("two nodes of the audit", () => {
	let nodes: Nodes;
	beforeAll(async () => {
		nodes = await startTwo(["platform/audit"]);
	});
	afterAll(async () => void (await stopBoth(nodes)));

	it("chain the facts of several producers one behind the other", async () => {
		await times(40, turn =>
			storeOf<AuditTx>(nodes[turn % 2]!, "audit").transaction(tx =>
				tx.chain({
					id: newId("evt", Date.now()),
					type: "counting.counted",
					version: 1,
					key: `k${turn}`,
					producer: "counting",
					position: turn + 1,
					occurredAt: "2026-01-01T00:00:00.000Z",
					requestId: null,
					traceparent: null,
					actor: null,
					data: { turn, said: "Grüße 🎈" },
				}),
			),
		);
		expect(await ask(nodes[0].broker, verify, {})).toMatchObject({ entries: 40, intact: true });
	});
});
