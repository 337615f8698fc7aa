// Carries wishes to the provider and brings back what became of them. A wish is written before the provider hears of it and stays open until its
// outcome is certain: a lost answer, a timeout, a crash on either side of the call all end in asking the provider by the wish's own key.
import type { ServiceBroker } from "moleculer";
import { randomToken, secretFile } from "../../../lib/crypto.ts";
import { newId } from "../../../lib/ids.ts";
import type { Runtime } from "../../../lib/runtime.ts";
import { type Scope, withScope } from "../../../lib/scope.ts";
import type { SqlService, SqlStore } from "../../../mixins/sql-store.ts";
import type { Intent, Operation, Payment } from "./payments.domain.ts";
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

/** The service as its actions see it. */
export type Payments = SqlService<PaymentsTx> & { intents: Intents };

/** What only the first caller knows: that nothing was ever sent, and the token, which is kept nowhere. */
export interface Sending {
	isFirst?: boolean;
	token?: string;
}

/** A new wish, ours to carry for the time of its lease. */
export function newIntent(
	tx: PaymentsTx,
	asked: { id?: string; payment: Payment; operation: Operation; amount: number; requestKey: string; keyScope?: string; refundId?: string },
): Intent {
	const now = tx.now();
	const { id = newId("int", now), payment, operation, amount, requestKey, keyScope = null, refundId = null } = asked;
	const leaseUntil = now + leaseMs;
	const scope = tx.scope ? JSON.stringify(tx.scope) : null;
	const times = { attempts: 1, leaseUntil, nextAt: leaseUntil, createdAt: now, updatedAt: now };
	return { id, paymentId: payment.id, operation, amount, status: "open", outcome: null, refundId, requestKey, keyScope, scope, ...times };
}

/** Facts name the request that wished for them, whoever carries the wish. */
const scopeOf = ({ scope }: Intent) => (scope === null ? undefined : (JSON.parse(scope) as Scope));

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<undefined>(resolve => {
		timer = setTimeout(resolve, ms, undefined);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}

export class Intents {
	readonly #store: SqlStore<PaymentsTx>;
	readonly #runtime: Runtime;
	readonly #logger: Logger;
	readonly #providers = new Map<string, Provider>();
	readonly #underWay = new Map<string, Promise<void>>();
	#timer: NodeJS.Timeout | undefined;
	#look: Promise<void> = Promise.resolve();
	#looking = false;
	#stopped = false;

	constructor(store: SqlStore<PaymentsTx>, runtime: Runtime, logger: Logger) {
		this.#store = store;
		this.#runtime = runtime;
		this.#logger = logger;
	}

	/** The provider a payment was made with; the configured one may be another by now. Undefined for a name that is none. */
	provider(name: string): Provider | undefined {
		let provider = this.#providers.get(name);
		if (!provider && Object.hasOwn(providers, name)) {
			const { clock, config, secret } = this.#runtime;
			provider = providers[name as keyof typeof providers]({
				clock,
				secret,
				webhookSecret: () => config.sandboxWebhookSecret ?? secretFile(config.dataDir, "sandbox-webhook", randomToken),
				store: this.#store,
				pause: ms => new Promise(resolve => setTimeout(resolve, ms)),
			});
			this.#providers.set(name, provider);
		}
		return provider;
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
		let work = sending.isFirst ? undefined : this.#underWay.get(id);
		if (!work) {
			const mine = this.#work(id, sending).finally(() => {
				if (this.#underWay.get(id) === mine) this.#underWay.delete(id);
			});
			this.#underWay.set(id, mine);
			work = mine;
		}
		await work;
		return (await this.#store.reader.intent(id))!;
	}

	/** Something changed at the provider: what is open of a payment is looked up. A look that was under way may be older than the change, so it is taken twice. */
	async settleNow(paymentId: string): Promise<void> {
		for (let look = 0; look < 2; look++) {
			await this.#store.transaction(tx => tx.wakeIntents(paymentId));
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
				const driven = await Promise.allSettled(due.map(id => this.drive(id)));
				for (const result of driven)
					if (result.status === "rejected") this.#logger.warn("an outcome could not be settled; it will be tried again", result.reason);
			} catch (error) {
				this.#logger.warn("open intents could not be read", error);
			} finally {
				this.#looking = false;
			}
		});
		return this.#look;
	}

	async #work(id: string, sending: Sending): Promise<void> {
		const now = this.#runtime.clock.now();
		if (!sending.isFirst && (await this.#store.transaction(tx => tx.claimIntent(id, now + leaseMs))) === 0) return this.#untilFree(id);
		const intent = await this.#store.reader.intent(id);
		const payment = intent && (await this.#store.reader.payment(intent.paymentId));
		if (!intent || !payment) throw new TypeError(`${id} is no intent of a payment`);
		await withScope(scopeOf(intent), () =>
			intent.operation === "authorize" ? this.#authorize(intent, payment, sending) : this.#move(intent, payment, sending),
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

	async #authorize(intent: Intent, payment: Payment, { isFirst = false, token }: Sending): Promise<void> {
		const provider = this.#providerOf(payment);
		const { id: paymentId, orderId, charge } = payment;
		const reference = { paymentId, authorizationKey: intent.id, charge };
		const outcome = await this.#asking<AuthorizeOutcome>(intent, async () => {
			if (!isFirst) {
				const known = await provider.lookUpAuthorization(reference);
				if (known.status !== "absent") return known.status === "unavailable" ? { status: "unknown" } : known;
			}
			if (token !== undefined) {
				const amount = { amount: payment.amount, currency: payment.currency };
				const answer: Authorization = await provider.authorize({ key: intent.id, paymentId, orderId, amount, token });
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
		await this.#store.transaction(tx => settleAuthorize(tx, intent, outcome));
	}

	async #move(intent: Intent, payment: Payment, { isFirst = false }: Sending): Promise<void> {
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
