// A small bank to try with. It keeps its own books, in transactions of its own: a crash between its answer and our commit is as real here as
// with any provider. Its books survive a kill together with its keys, so that what it did can always be asked.
import Type from "typebox";
import { Compile } from "typebox/compile";
import { unauthenticated, validationFailed } from "../../../../lib/failure.ts";
import { newId } from "../../../../lib/ids.ts";
import { isSigned } from "../../../../lib/signature.ts";
import { Text, Time } from "../../../../lib/vocabulary.ts";
import type { SqlTx } from "../../../../mixins/sql/tx.ts";
import type {
	Authorization,
	AuthorizeCall,
	Card,
	ChargeReference,
	Move,
	MoveCall,
	Provider,
	ProviderGiven,
	SandboxDoor,
} from "./provider.ts";
import { fixedInstrument, type Instrument, instrumentOf } from "./sandbox-cards.ts";

const slowMs = 5000;

type ChargeStatus = "authorized" | "authenticating" | "declined" | "captured" | "voided";

/** A tombstone is a voided charge without payment, currency and card. */
interface Charge {
	authorizationKey: string;
	id: string;
	paymentId: string | null;
	status: ChargeStatus;
	declineCode: string | null;
	currency: string | null;
	amount: number;
	captured: number;
	refunded: number;
	brand: string | null;
	last4: string | null;
	fingerprint: string | null;
}

type Operation = "capture" | "void" | "refund";

const WebhookBody = Compile(
	Type.Object({ id: Text(190), type: Text(100), paymentId: Type.Optional(Type.Union([Text(190), Type.Null()])), occurredAt: Time }),
);

const codeOf = { declines: "declined", lacksFunds: "insufficient_funds" } as const;

function openingOf({ behaviour }: Instrument, challenge: boolean): { status: ChargeStatus; declineCode: string | null } {
	if (behaviour === "declines" || behaviour === "lacksFunds") return { status: "declined", declineCode: codeOf[behaviour] };
	return { status: challenge || behaviour === "authenticates" ? "authenticating" : "authorized", declineCode: null };
}

const cardOf = ({ brand, last4, fingerprint }: Charge): Card => ({
	brand: brand ?? "",
	last4: last4 ?? "",
	fingerprint: fingerprint ?? "",
});

function answerOf(charge: Charge): Exclude<Authorization, { status: "unknown" | "unavailable" }> | { status: "voided" } {
	if (charge.status === "voided") return { status: "voided" };
	if (charge.status === "declined") return { status: "declined", code: charge.declineCode ?? "declined", card: cardOf(charge) };
	const held = { charge: charge.id, card: cardOf(charge) };
	if (charge.status === "authenticating") return { status: "pending", ...held, url: `/v1/sandbox/authentications/${charge.paymentId}` };
	return { status: "authorized", ...held };
}

const moved = (row: { declineCode: string | null }): Move =>
	row.declineCode ? { status: "declined", code: row.declineCode } : { status: "succeeded" };

/** What the bank says to a move, and what the charge becomes; a string is a refusal. */
function decide(operation: Operation, charge: Charge, amount: number): Partial<Charge> | string {
	if (operation === "void")
		return charge.status === "captured" ? "captured" : { status: charge.status === "declined" ? "declined" : "voided" };
	if (operation === "capture")
		return charge.status === "authorized" && amount === charge.amount ? { status: "captured", captured: amount } : "not_held";
	return amount <= charge.captured - charge.refunded ? { refunded: charge.refunded + amount } : "exceeds_captured";
}

const chargeUnder = (tx: SqlTx, key: string) =>
	tx.get<Charge>(`SELECT * FROM bankCharges WHERE authorizationKey = ?${tx.forUpdate}`, [key]);

export class Sandbox implements Provider {
	readonly #given: ProviderGiven;
	readonly sandbox: SandboxDoor;
	readonly canChallenge = true;

	constructor(given: ProviderGiven) {
		this.#given = given;
		this.sandbox = { tokenize: card => this.#tokenize(card), decide: (paymentId, outcome) => this.#decide(paymentId, outcome) };
	}

	async instrument(token: string) {
		const fixed = fixedInstrument(token, this.#given.secret());
		const known = fixed ?? (await this.#tokenized(token));
		return known && { fingerprint: known.fingerprint, isShared: fixed !== undefined };
	}

	async authorize(call: AuthorizeCall): Promise<Authorization> {
		const { store, pause } = this.#given;
		const instrument = fixedInstrument(call.token, this.#given.secret()) ?? (await this.#tokenized(call.token));
		if (!instrument) return { status: "declined", code: "unknown_token" };
		if (instrument.behaviour === "unavailable") return { status: "unavailable" };
		const { charge, isNew } = await store.transaction(async tx => {
			tx.repeatable();
			// Inserted first, read afterwards: of two under one key that come at once, on whichever nodes, the second finds the first.
			const isNew = await this.#open(tx, call, instrument);
			return { charge: (await chargeUnder(tx, call.key))!, isNew };
		});
		// The bank has acted and only its answer is slow: whoever stops waiting does not know.
		if (isNew && instrument.behaviour === "slow") await pause(slowMs);
		const answer = answerOf(charge);
		return answer.status === "voided" ? { status: "declined", code: "voided" } : answer;
	}

	capture(call: MoveCall): Promise<Move> {
		return this.#move("capture", call);
	}

	void(call: MoveCall): Promise<Move> {
		return this.#move("void", call);
	}

	refund(call: MoveCall): Promise<Move> {
		return this.#move("refund", call);
	}

	async lookUpAuthorization({ authorizationKey }: ChargeReference) {
		const charge = await this.#given.store.reader.get<Charge>("SELECT * FROM bankCharges WHERE authorizationKey = ?", [authorizationKey]);
		return charge ? answerOf(charge) : ({ status: "absent" } as const);
	}

	async lookUpMove(_operation: Operation, { key }: MoveCall): Promise<Move | { status: "absent" }> {
		const move = await this.#given.store.reader.get<{ declineCode: string | null }>("SELECT declineCode FROM bankMoves WHERE moveKey = ?", [
			key,
		]);
		return move ? moved(move) : { status: "absent" };
	}

	readWebhook(rawBody: string, signature: string | undefined) {
		if (!isSigned(this.#given.webhookSecret(), rawBody, signature, this.#given.clock.now())) throw unauthenticated();
		let body: unknown;
		try {
			body = JSON.parse(rawBody);
		} catch {
			body = undefined;
		}
		if (!WebhookBody.Check(body))
			throw validationFailed({
				errors: [{ pointer: "", code: "invalid", detail: "is not a message { id, type, paymentId, occurredAt }" }],
			});
		return { id: body.id, type: body.type, paymentId: body.paymentId ?? null };
	}

	#tokenized(token: string): Promise<Instrument | undefined> {
		return this.#given.store.reader.get<Instrument>("SELECT behaviour, brand, last4, fingerprint FROM bankTokens WHERE token = ?", [token]);
	}

	/** False when there is a charge, or a tombstone, under the key already. */
	async #open(tx: SqlTx, call: AuthorizeCall, instrument: Instrument): Promise<boolean> {
		const opening = openingOf(instrument, call.challenge);
		const { brand, last4, fingerprint } = instrument;
		const { amount, currency } = call.amount;
		const charge = {
			authorizationKey: call.key,
			id: newId("chg", tx.now()),
			paymentId: call.paymentId,
			...opening,
			currency,
			amount,
			captured: 0,
			refunded: 0,
		};
		return (await tx.insertIfAbsent("bankCharges", { ...charge, brand, last4, fingerprint, createdAt: tx.now() })) === 1;
	}

	#move(operation: Operation, call: MoveCall): Promise<Move> {
		return this.#given.store.transaction(async tx => {
			tx.repeatable();
			// Locked before its moves are read: of two moves under one key that come at once the second finds the first.
			if (operation === "void") await this.#tombstone(tx, call.authorizationKey);
			const charge = await chargeUnder(tx, call.authorizationKey);
			if (!charge) return { status: "declined", code: "no_such_charge" };
			const known = await tx.get<{ declineCode: string | null }>("SELECT declineCode FROM bankMoves WHERE moveKey = ?", [call.key]);
			if (known) return moved(known);
			const decision = decide(operation, charge, call.amount.amount);
			const declineCode = typeof decision === "string" ? decision : null;
			if (typeof decision !== "string") await tx.update("bankCharges", decision, { authorizationKey: call.authorizationKey });
			const { key: moveKey, authorizationKey, amount } = call;
			await tx.insert("bankMoves", { moveKey, authorizationKey, operation, amount: amount.amount, declineCode, createdAt: tx.now() });
			return moved({ declineCode });
		});
	}

	/** Should the void come first, the authorization finds its key voided when it arrives. */
	async #tombstone(tx: SqlTx, authorizationKey: string): Promise<void> {
		const nothing = {
			paymentId: null,
			declineCode: null,
			currency: null,
			amount: 0,
			captured: 0,
			refunded: 0,
			brand: null,
			last4: null,
			fingerprint: null,
		};
		const charge: Charge = { authorizationKey, id: newId("chg", tx.now()), status: "voided", ...nothing };
		await tx.insertIfAbsent("bankCharges", { ...charge, createdAt: tx.now() });
	}

	async #tokenize(card: Parameters<SandboxDoor["tokenize"]>[0]) {
		const { clock, secret, store } = this.#given;
		const instrument = instrumentOf(card, clock.now(), secret());
		const token = newId("tok", clock.now());
		await store.transaction(tx => {
			tx.repeatable();
			return tx.insertIfAbsent("bankTokens", { token, ...instrument, createdAt: tx.now() });
		});
		const { brand, last4, fingerprint } = instrument;
		return { token, brand, last4, fingerprint, expMonth: card.expMonth, expYear: card.expYear };
	}

	#decide(paymentId: string, outcome: "succeed" | "fail") {
		return this.#given.store.transaction(async tx => {
			tx.repeatable();
			const charge = await tx.get<Charge>(`SELECT * FROM bankCharges WHERE paymentId = ?${tx.forUpdate}`, [paymentId]);
			if (!charge) return "absent";
			const decided =
				outcome === "succeed" ? { status: "authorized", declineCode: null } : { status: "declined", declineCode: "authentication_failed" };
			if (charge.status === "authenticating") {
				await tx.update("bankCharges", decided, { authorizationKey: charge.authorizationKey });
				return "decided";
			}
			const isSame =
				outcome === "succeed" ? charge.status === "authorized" || charge.status === "captured" : charge.declineCode === decided.declineCode;
			return isSame ? "decided" : "conflict";
		});
	}
}
