import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ask } from "../../lib/contract.ts";
import { checkStock } from "../../services/commerce/inventory/inventory.contract.ts";
import { aGuestCart, anAdministrator, aProduct, available, type CheckedOut, checkout, type Person, paymentsOf } from "../support/http.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let admin: Person;
beforeAll(async () => {
	stoa = await startStoa();
	admin = await anAdministrator(stoa);
});
afterAll(() => stoa.stop());

const bought = (answers: readonly CheckedOut[]) => answers.filter(({ status }) => status === 201);
const capturedOf = async (answers: readonly CheckedOut[]) => {
	const payments = await Promise.all(bought(answers).map(({ body }) => paymentsOf(stoa, admin, { orderId: body.id })));
	return payments.flat().filter(({ status, captured, amount }) => status === "captured" && captured.amount === amount.amount);
};

describe("the last ten pieces", () => {
	it("go to ten of thirty buyers who come at once; twenty are told that there are none left", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 10 });
		const carts = await Promise.all(Array.from({ length: 30 }, () => aGuestCart(stoa, [{ sku, quantity: 1 }])));

		const answers = await Promise.all(carts.map(cart => checkout(stoa, cart)));

		const refused = answers.filter(({ status }) => status !== 201);
		expect(bought(answers)).toHaveLength(10);
		expect(refused).toHaveLength(20);
		for (const { status, body } of refused)
			expect({ status, code: body.code, retryable: body.retryable }).toEqual({ status: 409, code: "out_of_stock", retryable: false });
		expect(new Set(bought(answers).map(({ body }) => body.id)).size).toBe(10);
		expect(new Set(bought(answers).map(({ body }) => body.number)).size).toBe(10);
		expect(await capturedOf(answers)).toHaveLength(10);
		expect(await available(stoa, sku)).toBe(0);
		expect(await ask(stoa.broker, checkStock, {})).toMatchObject({ sound: true, wrong: [] });
	});

	it("are ten of fifteen when the buyers come one after another", async () => {
		const { sku } = await aProduct(stoa, admin, { stock: 10 });
		const answers: CheckedOut[] = [];
		for (let buyer = 0; buyer < 15; buyer++) answers.push(await checkout(stoa, await aGuestCart(stoa, [{ sku, quantity: 1 }])));

		expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(201), ...Array(5).fill(409)]);
		expect(answers.slice(10).map(({ body }) => body.code)).toEqual(Array(5).fill("out_of_stock"));
		expect(await capturedOf(answers)).toHaveLength(10);
		expect(await available(stoa, sku)).toBe(0);
	});

	it("an order that asks for more than is left names the line, and leaves the cart open and the shelf as it was", async () => {
		const plenty = await aProduct(stoa, admin, { stock: 50 });
		const scarce = await aProduct(stoa, admin, { stock: 2 });
		const cart = await aGuestCart(stoa, [
			{ sku: plenty.sku, quantity: 1 },
			{ sku: scarce.sku, quantity: 3 },
		]);

		const { status, body } = await checkout(stoa, cart);

		expect(status).toBe(409);
		expect(body.code).toBe("out_of_stock");
		expect(body.errors).toHaveLength(1);
		expect(body.errors![0]!.detail).toContain(scarce.sku);
		expect(await available(stoa, plenty.sku)).toBe(50);
		expect(await available(stoa, scarce.sku)).toBe(2);
	});
});
