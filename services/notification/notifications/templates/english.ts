import { formatMoney } from "../../../../lib/money.ts";
import type { Templates } from "./templates.ts";

export const english: Templates = {
	"order.confirmed": ({ orderNumber, amount }) => ({
		title: `Order ${orderNumber} is confirmed`,
		body: `Thank you. We have your order ${orderNumber} over ${formatMoney(amount, "en")} and are getting it ready.`,
	}),
	"order.cancelled": ({ orderNumber, amount }) => ({
		title: `Order ${orderNumber} is cancelled`,
		body: `Your order ${orderNumber} over ${formatMoney(amount, "en")} is cancelled. Nothing will be sent, and what you paid for it goes back to where it came from.`,
	}),
	"payment.refunded": ({ orderNumber, amount }) => ({
		title: `Refund for order ${orderNumber}`,
		body: `We have given back ${formatMoney(amount, "en")} for your order ${orderNumber}, to where the payment came from. Your bank may take some days to show it.`,
	}),
};
