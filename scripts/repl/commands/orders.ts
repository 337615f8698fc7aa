import { ask } from "../../../lib/contract.ts";
import { encodeCursor } from "../../../lib/cursor.ts";
import type { Mesh } from "../../../lib/operator-socket.ts";
import { Order, recentOrders } from "../../../services/commerce/orders/orders.contract.ts";
import { listEventsAtPrompt } from "../../../services/platform/operations/operations.contract.ts";
import { command } from "../command.ts";
import { fields, moneyText, moreText, shortTime, table } from "../table.ts";

const statuses = Order.properties.status.enum;
const pageMax = 100;

export const orders = command({
	name: "orders",
	summary: "The newest orders.",
	options: {
		status: { type: "text", values: statuses, about: "only these" },
		limit: { type: "number", value: "N", about: "how many, 1 to 100 (20)" },
		cursor: { type: "text", value: "CURSOR", about: "goes on with a list" },
	},
	async run({ mesh, options, show, width }) {
		const status = options.status as Order["status"] | undefined;
		const page = await ask(mesh, recentOrders, { limit: options.limit, cursor: options.cursor, ...(status ? { status } : {}) });
		const rows = page.data.map(order => [
			order.number,
			order.id,
			shortTime(order.placedAt),
			order.status,
			order.paymentStatus,
			order.fulfilmentStatus,
			moneyText(order.totals.total),
			order.userId ?? "guest",
		]);
		const heads = ["number", "id", "placed", "status", "payment", "fulfilment", "total", "buyer"];
		show({ data: page, text: table(heads, rows, { nothing: "There are no such orders.", width }) + moreText(page.nextCursor) });
		return "well";
	},
});

/** By id with one look: the list runs from new to old, so the order heads the page that begins just before it. By number by walking the list. */
async function findOrder(mesh: Mesh, asked: string): Promise<Order | undefined> {
	if (asked.startsWith("ord_")) {
		const [order] = (await ask(mesh, recentOrders, { cursor: encodeCursor([`${asked}~`]), limit: 1 })).data;
		return order?.id === asked ? order : undefined;
	}
	for (let cursor: string | null | undefined; cursor !== null; ) {
		const page: Awaited<ReturnType<typeof pageOfOrders>> = await pageOfOrders(mesh, cursor);
		const found = page.data.find(order => order.number.toLowerCase() === asked.toLowerCase());
		if (found) return found;
		cursor = page.nextCursor;
	}
	return undefined;
}

const pageOfOrders = (mesh: Mesh, cursor: string | undefined) => ask(mesh, recentOrders, { limit: pageMax, ...(cursor ? { cursor } : {}) });

export const order = command({
	name: "order",
	summary: "One order, with the facts that were told about it.",
	operands: [
		{
			name: "ORDER",
			about: "the order's id or its number",
			candidates: async (mesh: Mesh) => (await ask(mesh, recentOrders, {})).data.flatMap(({ id, number }) => [id, number]),
		},
	],
	async run({ mesh, operands, show, width }) {
		const found = await findOrder(mesh, operands.ORDER);
		if (!found) throw new Error(`There is no order ${operands.ORDER}.`);
		const facts = (await ask(mesh, listEventsAtPrompt, { key: found.id, limit: pageMax })).data;
		const nothing = "none";
		const parts = [
			fields({
				number: found.number,
				id: found.id,
				placed: shortTime(found.placedAt),
				status: found.status,
				payment: found.paymentStatus,
				fulfilment: found.fulfilmentStatus,
				buyer: found.userId ?? "guest",
				cart: found.cartId,
				total: moneyText(found.totals.total),
			}),
			table(
				["item", "quantity", "unit price", "total"],
				found.items.map(item => [`${item.sku} ${item.name}`, item.quantity, moneyText(item.unitPrice), moneyText(item.total)]),
				{ nothing, width },
			),
			table(
				["payment", "method", "amount", "status"],
				found.payments.map(({ id, method, amount, status }) => [id, method, moneyText(amount), status]),
				{ nothing: "no payment", width },
			),
			table(
				["at", "fact", "event id"],
				facts.map(({ occurredAt, type, id }) => [shortTime(occurredAt), type, id]),
				{ nothing: "no facts", width },
			),
		];
		show({ data: { order: found, facts }, text: parts.join("\n\n") });
		return "well";
	},
});
