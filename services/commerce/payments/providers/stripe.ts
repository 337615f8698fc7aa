// Cards through Stripe. A PaymentIntent is made, its name is written down under our key, and only then it is confirmed: no money is ever held under
// a name that we do not know, so every lost answer can be looked up, also long after Stripe has forgotten the idempotency key (24 h).
import type Stripe from "stripe";
import type { StripeSettings } from "../../../../lib/config.ts";
import type {
	Authorization,
	AuthorizeCall,
	Card,
	ChargeReference,
	Move,
	MoveCall,
	Provider,
	ProviderGiven,
	Unavailable,
	Unknown,
} from "./provider.ts";
import { stripeAmount } from "./stripe-amounts.ts";
import { captureMoveOf, declineCodeOf, instrumentOf, refundMoveOf, type Standing, standingOf } from "./stripe-answers.ts";
import { type CardsOnly, type Failure, failureOf, flawOf, isKeptFault, isUnderWay, stripeClient } from "./stripe-client.ts";
import { readStripeMessage } from "./stripe-webhook.ts";

// While another request under the same key is at work Stripe answers 409; most end within this.
const triesMax = 4;
const pauseMs = 250;

/** What we keep of a PaymentIntent. Without a name it is a tombstone: nothing was confirmed under this key, and nothing will be. */
interface Kept {
	authorizationKey: string;
	stripeId: string | null;
	/** The one capture that was asked for. */
	captureKey: string | null;
	/** A decline that was believed; final, whatever happens to the PaymentIntent. */
	declineCode: string | null;
	/** The card of that decline, as JSON. */
	declinedCard: string | null;
}
type Named = Kept & { stripeId: string };

type Sent<T> = { answer: T; failure?: undefined } | { failure: Failure; answer?: undefined };
type Lost = Unavailable | Unknown;

const unknown: Unknown = { status: "unknown" };
const succeeded: Move = { status: "succeeded" };
const isNamed = (kept: Kept): kept is Named => kept.stripeId !== null;
/** Asked for again by name and refused, it says nothing of what became of it. */
const lost = (failure: Failure): Lost => (failure.status === "refused" ? unknown : failure);
/** Refused, no PaymentIntent was made, and so nothing is held. */
const notMade = (failure: Failure): Authorization =>
	failure.status === "refused" ? { status: "declined", code: declineCodeOf(failure) } : failure;
/** A look that failed is no proof that nothing happened before it. */
const seen = <T extends { status: string }>(outcome: T): Exclude<T, Unavailable> | Unknown =>
	outcome.status === "unavailable" ? unknown : (outcome as Exclude<T, Unavailable>);
const expand = ["payment_method"];
/** A card as Stripe's older forms name it. */
const isToken = (token: string) => token.startsWith("tok_");
// 3-D Secure wherever the card knows it. Its bank may still be content without having seen the buyer: that counts.
const authenticated = { card: { request_three_d_secure: "any" as const } };

export class StripeCards implements Provider {
	readonly #given: ProviderGiven;
	readonly #settings: StripeSettings;
	readonly #stripe: Stripe;
	readonly canChallenge = true;

	constructor(given: ProviderGiven, settings: StripeSettings) {
		this.#given = given;
		this.#settings = settings;
		this.#stripe = stripeClient(settings);
	}

	async instrument(token: string) {
		const { answer } = await this.#read<Stripe.PaymentMethod | Stripe.Token>(() =>
			isToken(token) ? this.#stripe.tokens.retrieve(token) : this.#stripe.paymentMethods.retrieve(token),
		);
		return answer && instrumentOf(answer, this.#given.secret());
	}

	async authorize(call: AuthorizeCall): Promise<Authorization> {
		const amount = stripeAmount(call.amount);
		if (amount === undefined) return { status: "declined", code: "amount_not_supported" };
		const known = await this.#kept(call.key);
		const kept = known ?? (await this.#make(call, amount));
		if ("status" in kept) return kept;
		if (!isNamed(kept)) return { status: "declined", code: "voided" };
		const standing = known ? await this.#standing(kept) : { status: "absent" as const };
		if (standing.status === "voided") return { status: "declined", code: "voided" };
		return standing.status === "absent" ? this.#confirm(kept) : seen(standing);
	}

	async capture(call: MoveCall): Promise<Move> {
		const kept = await this.#kept(call.authorizationKey);
		const amount_to_capture = stripeAmount(call.amount);
		if (!kept || !isNamed(kept) || amount_to_capture === undefined) return { status: "declined", code: "not_held" };
		const claim = await this.#claimCapture(kept, call.key);
		if (claim) return claim;
		const { answer, failure } = await this.#send(call.key, options =>
			this.#stripe.paymentIntents.capture(kept.stripeId, { amount_to_capture }, options),
		);
		if (answer) return captureMoveOf(answer);
		if (failure.status !== "refused") return failure;
		// The refusal may be of a repeat, long after the key was forgotten: what happened is what counts.
		const standing = await this.lookUpMove("capture", call);
		return standing.status === "absent" ? { status: "declined", code: declineCodeOf(failure) } : seen(standing);
	}

	async void(call: MoveCall): Promise<Move> {
		const kept = (await this.#kept(call.authorizationKey)) ?? (await this.#keep(call.authorizationKey, null));
		return isNamed(kept) ? this.#cancel(kept, call.key) : succeeded;
	}

	async refund(call: MoveCall): Promise<Move> {
		const kept = await this.#kept(call.authorizationKey);
		if (!kept || !isNamed(kept)) return { status: "declined", code: "no_such_charge" };
		const amount = stripeAmount(call.amount);
		if (amount === undefined) return { status: "declined", code: "amount_not_supported" };
		const metadata = { paymentId: call.paymentId, operationKey: call.key };
		const { answer, failure } = await this.#send(
			call.key,
			options => this.#stripe.refunds.create({ payment_intent: kept.stripeId, amount, metadata }, options),
			// Nothing at Stripe would stop a second refund of a part, so it has one key for ever.
			{ isGuarded: false },
		);
		if (answer) return refundMoveOf(answer);
		return failure.status === "refused" ? { status: "declined", code: declineCodeOf({ ...failure, notFound: false }) } : failure;
	}

	async lookUpAuthorization({ authorizationKey }: ChargeReference): Promise<Standing | Unavailable> {
		const kept = await this.#kept(authorizationKey);
		return kept ? this.#standing(kept) : { status: "absent" };
	}

	async lookUpMove(operation: "capture" | "void" | "refund", call: MoveCall): Promise<Move | { status: "absent" }> {
		const kept = await this.#kept(call.authorizationKey);
		if (!kept) return { status: "absent" };
		if (!isNamed(kept)) return operation === "void" ? succeeded : { status: "declined", code: "voided" };
		if (operation === "refund") return this.#lookUpRefund(kept, call.key);
		const { answer: intent, failure } = await this.#read(() => this.#stripe.paymentIntents.retrieve(kept.stripeId));
		if (failure) return lost(failure);
		const { status } = intent;
		if (operation === "void")
			return status === "canceled" ? succeeded : status === "succeeded" ? { status: "declined", code: "captured" } : { status: "absent" };
		if (status === "canceled") return { status: "declined", code: "not_held" };
		if (status !== "succeeded") return { status: "absent" };
		// Captured by hand, in Stripe's own console, it is captured all the same.
		return kept.captureKey === null || kept.captureKey === call.key ? succeeded : { status: "declined", code: "captured" };
	}

	readWebhook(rawBody: string, signature: string | undefined) {
		return readStripeMessage(this.#stripe, this.#settings.webhookSecret, rawBody, signature, this.#given.clock.now());
	}

	// --- holding money

	async #make(call: AuthorizeCall, amount: number): Promise<Kept | Authorization> {
		const { key, paymentId, orderId, token, challenge } = call;
		const method = isToken(token) ? await this.#methodOf(key, token) : token;
		if (typeof method !== "string") return method;
		const asked: Stripe.PaymentIntentCreateParams & CardsOnly = {
			amount,
			currency: call.amount.currency.toLowerCase(),
			capture_method: "manual",
			payment_method_types: ["card"],
			payment_method: method,
			...(challenge && { payment_method_options: authenticated }),
			metadata: { paymentId, orderId, operationKey: key },
		};
		const { answer, failure } = await this.#send(`${key}/make`, options => this.#stripe.paymentIntents.create(asked, options));
		return answer ? this.#keep(key, answer.id) : notMade(failure);
	}

	/** A card token of the older kind is good for one payment method, and that for the payment. */
	async #methodOf(key: string, token: string): Promise<string | Authorization> {
		const asked = { type: "card" as const, card: { token } };
		const { answer, failure } = await this.#send(`${key}/method`, options => this.#stripe.paymentMethods.create(asked, options));
		return answer ? answer.id : notMade(failure);
	}

	async #confirm(kept: Named): Promise<Authorization> {
		const { returnUrl } = this.#settings;
		const { answer, failure } = await this.#send(`${kept.authorizationKey}/confirm`, options =>
			this.#stripe.paymentIntents.confirm(kept.stripeId, { expand, ...(returnUrl && { return_url: returnUrl }) }, options),
		);
		if (failure && failure.status !== "refused") return failure;
		const standing = answer ? await this.#conclude(kept, answer) : await this.#standing(kept);
		if (standing.status === "voided") return { status: "declined", code: "voided" };
		if (standing.status !== "absent") return seen(standing);
		return failure ? this.#decline(kept, { status: "declined", code: declineCodeOf(failure) }) : unknown;
	}

	async #standing(kept: Kept): Promise<Standing | Unavailable> {
		if (!isNamed(kept)) return { status: "voided" };
		const { answer, failure } = await this.#read(() => this.#stripe.paymentIntents.retrieve(kept.stripeId, { expand }));
		return failure ? lost(failure) : this.#conclude(kept, answer);
	}

	async #conclude(kept: Named, intent: Stripe.PaymentIntent): Promise<Standing | Unavailable> {
		const standing = standingOf(intent, this.#given.secret());
		if (kept.declineCode === null) return standing.status === "declined" ? this.#decline(kept, standing) : standing;
		const card = kept.declinedCard === null ? undefined : (JSON.parse(kept.declinedCard) as Card);
		const declined = { status: "declined" as const, code: kept.declineCode, ...(card && { card }) };
		return standing.status === "voided" ? declined : this.#decline(kept, declined);
	}

	/** A declined PaymentIntent could be confirmed again by whoever has its client secret, so it is closed before the decline is believed. */
	async #decline(kept: Named, declined: Authorization & { status: "declined" }): Promise<Authorization> {
		const { authorizationKey } = kept;
		const { code: declineCode, card } = declined;
		await this.#note(authorizationKey, { declineCode, ...(card && { declinedCard: JSON.stringify(card) }) });
		const closed = await this.#cancel(kept, `${authorizationKey}/close`);
		return closed.status === "succeeded" ? declined : unknown;
	}

	async #cancel({ stripeId }: Named, key: string): Promise<Move> {
		const { answer, failure } = await this.#send(key, options => this.#stripe.paymentIntents.cancel(stripeId, {}, options));
		if (answer) return succeeded;
		if (failure.status !== "refused") return failure;
		const { answer: intent, failure: unread } = await this.#read(() => this.#stripe.paymentIntents.retrieve(stripeId));
		if (unread) return lost(unread);
		if (intent.status === "canceled") return succeeded;
		return intent.status === "succeeded" ? { status: "declined", code: "captured" } : unknown;
	}

	// --- taking and giving back

	/** A charge is captured once, by the first key that asked. Another one may only ask while nothing came of that. Answers the refusal, if any. */
	async #claimCapture({ authorizationKey, stripeId, captureKey }: Named, key: string): Promise<Move | undefined> {
		if (captureKey === key) return undefined;
		if (captureKey !== null) {
			const { answer: intent, failure } = await this.#read(() => this.#stripe.paymentIntents.retrieve(stripeId));
			if (failure) return lost(failure);
			if (intent.status !== "requires_capture") return { status: "declined", code: "not_held" };
		}
		await this.#note(authorizationKey, { captureKey: key });
		return undefined;
	}

	async #lookUpRefund({ stripeId }: Named, key: string): Promise<Move | { status: "absent" }> {
		const { answer, failure } = await this.#read(async () => {
			for await (const refund of this.#stripe.refunds.list({ payment_intent: stripeId, limit: 100 }))
				if (refund.metadata?.operationKey === key) return refundMoveOf(refund);
			return { status: "absent" as const };
		});
		return answer ?? lost(failure);
	}

	// --- our side of it

	#kept(authorizationKey: string): Promise<Kept | undefined> {
		return this.#given.store.reader.get<Kept>(
			"SELECT authorizationKey, stripeId, captureKey, declineCode, declinedCard FROM stripePayments WHERE authorizationKey = ?",
			[authorizationKey],
		);
	}

	/** The first name kept under a key stays, also when it is none: an attempt that comes later than its void finds the tombstone. */
	async #keep(authorizationKey: string, stripeId: string | null): Promise<Kept> {
		await this.#given.store.transaction(tx => {
			tx.repeatable();
			return tx.insertIfAbsent("stripePayments", { authorizationKey, stripeId, createdAt: tx.now() });
		});
		return (await this.#kept(authorizationKey))!;
	}

	async #note(authorizationKey: string, changes: Partial<Pick<Kept, "captureKey" | "declineCode" | "declinedCard">>): Promise<void> {
		await this.#given.store.transaction(tx => {
			tx.repeatable();
			return tx.update("stripePayments", changes, { authorizationKey });
		});
	}

	/** Sends what changes something, under its key. `isGuarded`: the state of what it changes lets it happen only once, whatever the key. */
	async #send<T>(key: string, send: (options: Stripe.RequestOptions) => Promise<T>, { isGuarded = true } = {}): Promise<Sent<T>> {
		let idempotencyKey = key;
		for (let tries = 1; ; tries++) {
			try {
				return { answer: await send({ idempotencyKey }) };
			} catch (error) {
				if (tries < triesMax && isUnderWay(error)) await this.#given.pause(pauseMs * tries);
				else if (tries < triesMax && isGuarded && isKeptFault(error)) idempotencyKey = `${key}/${tries}`;
				else return { failure: this.#failureOf(error) };
			}
		}
	}

	async #read<T>(read: () => Promise<T>): Promise<Sent<T>> {
		try {
			return { answer: await read() };
		} catch (error) {
			return { failure: this.#failureOf(error) };
		}
	}

	#failureOf(error: unknown): Failure {
		// The error itself is not logged: it repeats what was asked, client secret included.
		const flaw = flawOf(error);
		if (flaw) this.#given.warn(flaw);
		return failureOf(error);
	}
}
