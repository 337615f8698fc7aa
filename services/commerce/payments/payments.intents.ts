// Carries wishes to the provider and brings back what became of them. A wish is written before the provider hears of it and stays open until its
// outcome is certain: a lost answer, a timeout, a crash on either side of the call all end in asking the provider by the wish's own key.
import type { ServiceBroker } from "moleculer";
import { randomToken, secretFile } from "../../../lib/crypto.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { type Scope, withScope } from "../../../lib/scope.ts";
import { within } from "../../../lib/within.ts";
import type { SqlService, SqlStore } from "../../../mixins/sql-store.ts";
import type { Intent, Operation, Payment } from "./payments.domain.ts";
import { instrumentOf } from "./payments.instruments.ts";
import { type AuthorizeOutcome, settleAuthorize, settleMove } from "./payments.settlement.ts";
import type { PaymentsTx } from "./payments.store.ts";
import type { Authorization, Move, MoveCall, Provider } from "./providers/provider.ts";
import { providers } from "./providers.ts";

// Card networks answer within 6 s at the 99th percentile. Shorter makes unknowns of good answers; longer outlives our callers' 10 s.
const callMs = 7000;
// Long enough that a call under way always ends within it, short enough that the work of a node that died is soon taken over.
const leaseMs = 10_000;
// An authorization that never arrived may still be on its way for as long as anybody could be sending it; then it is refused for good.
const giveUpAfterMs = 60_000;
const pollMs = 500;
const batchMax = 50;

/** Where a test may kill the process: between the wish and the provider, and between the provider and what it made true. */
export const crashPoints = (["authorize", "capture", "void", "refund"] satisfies Operation[]).flatMap(operation => [
	`payments/${operation}/beforeProvider`,
	`payments/${operation}/afterProvider`,
]);

type Logger = ServiceBroker["logger"];

/** The intent with the lease on it. `isFirst`: nobody has asked the provider yet. */
interface Taken {
	intent: Intent;
	isFirst: boolean;
}

/** The service as its actions see it. */
export type Payments = SqlService<PaymentsTx> & { intents: Intents };

/** What only the first caller knows: that nothing was ever sent, and the token, which is kept nowhere. */
export interface Sending {
	isFirst?: boolean;
	token?: string;
}

/**
 * A new wish, ours to carry for the time of its lease. Its id is chosen before the transaction: where the answer of a commit got lost and the
 * transaction is run again, it finds its own wish and knows it.
 */
export function newIntent(
	tx: PaymentsTx,
	asked: { id: string; payment: Payment; operation: Operation; amount: number; requestKey: string; keyScope?: string; refundId?: string },
): Intent {
	const now = tx.now();
	const { id, payment, operation, amount, requestKey, keyScope = null, refundId = null } = asked;
	const leaseUntil = now + leaseMs;
	const scope = tx.scope ? JSON.stringify(tx.scope) : null;
	const times = { attempts: 1, leaseUntil, nextAt: leaseUntil, createdAt: now, updatedAt: now };
	return { id, paymentId: payment.id, operation, amount, status: "open", outcome: null, refundId, requestKey, keyScope, scope, ...times };
}

/** Facts name the request that wished for them, whoever carries the wish. */
const scopeOf = ({ scope }: Intent) => (scope === null ? undefined : (JSON.parse(scope) as Scope));

export class Intents {
	readonly #store: SqlStore<PaymentsTx>;
	readonly #runtime: Runtime;
	readonly #logger: Logger;
	readonly #providers: ReadonlyMap<string, Provider>;
	readonly #underWay = new Map<string, Promise<void>>();
	#timer: NodeJS.Timeout | undefined;
	#look: Promise<void> = Promise.resolve();
	#looking = false;
	#isBlind = false;
	#stopped = false;

	private constructor(store: SqlStore<PaymentsTx>, runtime: Runtime, logger: Logger, opened: ReadonlyMap<string, Provider>) {
		this.#store = store;
		this.#runtime = runtime;
		this.#logger = logger;
		this.#providers = opened;
	}

	/** With every provider that is configured: a payment is carried by the one it was made with, and the shop's may be another by now. */
	static async open(store: SqlStore<PaymentsTx>, runtime: Runtime, logger: Logger): Promise<Intents> {
		const { clock, config, secret } = runtime;
		const opened = new Map<string, Provider>();
		for (const [name, open] of Object.entries(providers)) {
			const provider = await open({
				clock,
				secret,
				webhookSecret: () => config.sandboxWebhookSecret ?? secretFile(config.dataDir, "sandbox-webhook", randomToken),
				stripe: config.stripe,
				store,
				pause: ms => new Promise(resolve => setTimeout(resolve, ms)),
				warn: message => logger.warn(message),
			});
			if (provider) opened.set(name, provider);
		}
		return new Intents(store, runtime, logger, opened);
	}

	/** Undefined for a name that is none, or not configured. */
	provider(name: string): Provider | undefined {
		return this.#providers.get(name);
	}

	async start(): Promise<void> {
		// Whoever held a lease on our data is dead. On shared engines leases run out by themselves.
		if (this.#store.exclusive) await this.#store.transaction(tx => tx.wakeIntents());
		this.#timer = setInterval(() => this.#looking || void this.lookAtDue(), pollMs).unref();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		await this.#look;
		await Promise.allSettled(this.#underWay.values());
	}

	/**
	 * Brings an intent as far as it comes now, and answers how it stands. Callers at the same time share one call to the provider.
	 * Rejects when the outcome could not be written; the intent is open then, and the background goes on with it.
	 */
	async drive(id: string, sending: Sending = {}): Promise<Intent> {
		// The first has the lease: who came in between waits for it, so it must not wait for them.
		const work = sending.isFirst ? undefined : this.#underWay.get(id);
		await (work ?? this.#shared(id, this.#work(id, sending)));
		return (await this.#store.reader.intent(id))!;
	}

	#shared(id: string, work: Promise<void>): Promise<void> {
		const mine = work.finally(() => {
			if (this.#underWay.get(id) === mine) this.#underWay.delete(id);
		});
		this.#underWay.set(id, mine);
		return mine;
	}

	/** Something changed at the provider: what is open of a payment is looked up. A look that was under way may be older than the change, so it is taken twice. */
	async settleNow(paymentId: string): Promise<void> {
		for (let look = 0; look < 2; look++) {
			await this.#store.transaction(tx => {
				tx.repeatable();
				return tx.wakeIntents(paymentId);
			});
			const open = await this.#store.reader.openIntents(paymentId);
			if (open.length === 0) return;
			await Promise.all(open.map(({ id }) => this.drive(id)));
		}
	}

	/** What is due is asked for again, after whichever look is under way. Errors are logged: the next look comes. */
	lookAtDue(): Promise<void> {
		this.#look = this.#look.then(async () => {
			this.#looking = true;
			try {
				const due = this.#stopped ? [] : await this.#store.reader.dueIntents(batchMax);
				this.#isBlind = false;
				const driven = await Promise.allSettled(due.map(id => this.#goOn(id)));
				for (const result of driven)
					if (result.status === "rejected") this.#logger.warn("an outcome could not be settled; it will be tried again", result.reason);
			} catch (error) {
				// Said once: a store that is away is away for many looks.
				if (!this.#isBlind) this.#logger.warn("open intents cannot be read; it will be tried again", error);
				this.#isBlind = true;
			} finally {
				this.#looking = false;
			}
		});
		return this.#look;
	}

	/** For the background: every node looks at what is due, and whoever takes it goes on with it; the others wait for nobody. */
	async #goOn(id: string): Promise<void> {
		const work = this.#underWay.get(id);
		if (work) return work;
		const taken = await this.#take(id);
		if (taken) await this.#shared(id, this.#carry(taken));
	}

	async #work(id: string, { isFirst = false, token }: Sending): Promise<void> {
		const taken = await this.#take(id, isFirst);
		return taken ? this.#carry(taken, token) : this.#untilFree(id);
	}

	/** Undefined while somebody else is at it. Whoever wrote the wish has the first lease on it, unless it was taken over from him meanwhile. */
	async #take(id: string, isFirst = false): Promise<Taken | undefined> {
		const written = isFirst ? await this.#store.reader.intent(id) : undefined;
		if (written?.attempts === 1) return { intent: written, isFirst };
		const intent = await this.#store.transaction(tx => tx.claimIntent(id, leaseMs));
		return intent && { intent, isFirst: false };
	}

	async #carry(taken: Taken, token?: string): Promise<void> {
		const { intent } = taken;
		const payment = await this.#store.reader.payment(intent.paymentId);
		if (!payment) throw new TypeError(`${intent.id} is no intent of a payment`);
		await withScope(scopeOf(intent), () =>
			intent.operation === "authorize" ? this.#authorize(taken, payment, token) : this.#move(taken, payment),
		);
	}

	/** Another node is at it: its outcome is ours. */
	async #untilFree(id: string): Promise<void> {
		for (let looks = 0; looks < callMs / 50 && !this.#stopped; looks++) {
			const intent = await this.#store.reader.intent(id);
			if (!intent || intent.status === "closed" || intent.leaseUntil <= this.#runtime.clock.now()) return;
			await new Promise(resolve => setTimeout(resolve, 50));
		}
	}

	async #authorize({ intent, isFirst }: Taken, payment: Payment, token?: string): Promise<void> {
		const provider = this.#providerOf(payment);
		const { id: paymentId, orderId, charge, challenge } = payment;
		const reference = { paymentId, authorizationKey: intent.id, charge };
		const outcome = await this.#asking<AuthorizeOutcome>(intent, async () => {
			if (!isFirst) {
				const known = await provider.lookUpAuthorization(reference);
				if (known.status !== "absent") return known.status === "unavailable" ? { status: "unknown" } : known;
			}
			if (token !== undefined) {
				const amount = { amount: payment.amount, currency: payment.currency };
				const answer: Authorization = await provider.authorize({ key: intent.id, paymentId, orderId, amount, token, challenge });
				if (answer.status !== "unavailable" || isFirst) return answer;
			} else if (this.#runtime.clock.now() - intent.createdAt < giveUpAfterMs) return { status: "unknown" };
			// An earlier try may still arrive. Only when the provider will refuse it is it certain that nothing is held.
			const gone = await provider.void({
				...reference,
				key: `${intent.id}-late`,
				amount: { amount: payment.amount, currency: payment.currency },
			});
			return gone.status === "succeeded" ? { status: "unavailable" } : { status: "unknown" };
		});
		// A token that the provider knows nothing of is declined without a card. Then its fact names the instrument as risk was told it.
		const isNameless = outcome.status === "declined" && !outcome.card && token !== undefined;
		const named = isNameless ? await instrumentOf(provider, token, { runtime: this.#runtime, logger: this.#logger }) : undefined;
		await this.#store.transaction(tx => settleAuthorize(tx, intent, outcome, named?.fingerprint));
	}

	async #move({ intent, isFirst }: Taken, payment: Payment): Promise<void> {
		const provider = this.#providerOf(payment);
		const operation = intent.operation as Exclude<Operation, "authorize">;
		const authorizationKey = await this.#store.reader.authorizationKey(payment.id);
		const amount = { amount: intent.amount, currency: payment.currency };
		const call: MoveCall = { key: intent.id, paymentId: payment.id, authorizationKey, charge: payment.charge, amount };
		const outcome = await this.#asking<Move>(intent, async () => {
			const known = isFirst ? { status: "absent" as const } : await provider.lookUpMove(operation, call);
			return known.status === "absent" ? provider[operation](call) : known;
		});
		await this.#store.transaction(tx => settleMove(tx, intent, outcome, isFirst));
	}

	#providerOf(payment: Payment): Provider {
		const provider = this.provider(payment.provider);
		if (!provider) throw new TypeError(`${payment.id} was made with ${payment.provider}, which is not configured here`);
		return provider;
	}

	async #asking<Outcome extends { status: string }>(intent: Intent, ask: () => Promise<Outcome>): Promise<Outcome | { status: "unknown" }> {
		const { crash } = this.#runtime;
		crash.at(`payments/${intent.operation}/beforeProvider`);
		try {
			return (await within(callMs, ask())) ?? { status: "unknown" };
		} catch (error) {
			this.#logger.warn(`${intent.operation} ${intent.id}: the provider's answer got lost`, error);
			return { status: "unknown" };
		} finally {
			crash.at(`payments/${intent.operation}/afterProvider`);
		}
	}
}
