// The sandbox's own door: cards to try with, and the buyer's bank played by hand. Its routes are there only while the sandbox is the provider.
import Type, { type Static } from "typebox";
import { action } from "../../../../lib/contract.ts";
import { notFound, validationFailed } from "../../../../lib/failure.ts";
import { Id, Nothing } from "../../../../lib/vocabulary.ts";
import { paymentStateConflict } from "../payments.contract.ts";

export const CardToken = Type.Object(
	{
		token: Type.String(),
		brand: Type.String(),
		last4: Type.String(),
		fingerprint: Type.String(),
		expMonth: Type.Integer(),
		expYear: Type.Integer(),
	},
	{
		$id: "CardToken",
		description: "A card as the platform knows it: the number was forgotten, every token of one number has one fingerprint.",
	},
);
export type CardToken = Static<typeof CardToken>;

export const createToken = action({
	name: "payments.createToken",
	summary: "Sandbox only: exchange a card number for a token. The only place that takes a card number, and it keeps none.",
	allow: "public",
	rest: { method: "POST", path: "/v1/sandbox/tokens", status: 201, cardProvider: "sandbox", cardDataAt: ["number"], tag: "Sandbox" },
	params: Type.Object({
		number: Type.String({ pattern: "^[0-9]([ -]?[0-9]){11,18}$", description: "12 to 19 digits, spaces and dashes between them allowed." }),
		expMonth: Type.Integer({ minimum: 1, maximum: 12 }),
		expYear: Type.Integer({ minimum: 2000, maximum: 2100 }),
		cvc: Type.String({ pattern: "^[0-9]{3,4}$" }),
	}),
	returns: CardToken,
	throws: [notFound, validationFailed],
});

export const decideAuthentication = action({
	name: "payments.decideAuthentication",
	summary: "Sandbox only: what the buyer's bank would say of a payment that waits for the buyer.",
	allow: "public",
	rest: { method: "POST", path: "/v1/sandbox/authentications/:paymentId", status: 204, cardProvider: "sandbox", tag: "Sandbox" },
	params: Type.Object({ paymentId: Id("pay"), outcome: Type.Enum(["succeed", "fail"]) }),
	returns: Nothing,
	throws: [notFound, paymentStateConflict],
});
