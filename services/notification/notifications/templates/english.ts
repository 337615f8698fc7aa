import type { Language } from "./templates.ts";

export const english: Language = ({ money, time }) => ({
	"order.confirmed": ({ orderNumber, amount }) => ({
		title: `Order ${orderNumber} is confirmed`,
		body: `Thank you. We have your order ${orderNumber} over ${money(amount)} and are getting it ready.`,
	}),
	"order.onHold": ({ orderNumber, amount }) => ({
		title: `Order ${orderNumber} is being checked`,
		body: `Thank you. We have your order ${orderNumber} over ${money(amount)} and are checking it before we get it ready. You need not do anything; we tell you as soon as it goes on.`,
	}),
	"order.cancelled": ({ orderNumber, amount }) => ({
		title: `Order ${orderNumber} is cancelled`,
		body: `Your order ${orderNumber} over ${money(amount)} is cancelled. Nothing will be sent, and what you paid for it goes back to where it came from.`,
	}),
	"payment.refunded": ({ orderNumber, amount }) => ({
		title: `Refund for order ${orderNumber}`,
		body: `We have given back ${money(amount)} for your order ${orderNumber}, to where the payment came from. Your bank may take some days to show it.`,
	}),
	"account.newLogin": ({ at }) => ({
		title: "New sign-in to your account",
		body: `Somebody signed in to your account on ${time(at)} with a device that we do not know. If it was you, there is nothing to do. If not, change your password now: every other session ends with it.`,
	}),
	"account.passwordChanged": ({ at }) => ({
		title: "Your password was changed",
		body: `The password of your account was changed on ${time(at)}, and every other session was ended. If it was not you, write to us at once.`,
	}),
	"account.flagged": () => ({
		title: "Something unusual in your account",
		body: "What happened in your account lately looks unusual. Until we have looked at it, your bank may ask you to confirm a payment once more. You need not do anything.",
	}),
	"cart.abandoned": () => ({
		title: "There is still something in your cart",
		body: "What you chose is still in your cart. We do not put it aside for you, so come back while it is there.",
	}),
	"operator.userFlagged": ({ userId }) => ({
		title: `User ${userId} was flagged`,
		body: `The rules flagged user ${userId}. What they saw: fraud show ${userId}`,
	}),
	"operator.deadLetter": ({ letterId, group, what }) => ({
		title: `Dead letter of ${group}: ${what}`,
		body: `${group} gave up ${what} after its tries. See why: dlq show ${letterId}. Try it again: dlq redrive ${letterId}`,
	}),
});
