// The internal actions through which operators read and steer any store; `operations` fans out over them.
import type { Service } from "moleculer";
import { rfc3339 } from "../lib/clock.ts";
import { type AnsweredAction, answer } from "../lib/contract.ts";
import type { FactInbox, FactRelay, FactSource, Letter } from "../lib/facts.ts";
import { notFound } from "../lib/failure.ts";
import type { Leases } from "../lib/leases.ts";
import { type SagaRecord, shownStatus } from "../lib/saga.ts";
import { type DeadLetter, type Saga, sagaStateConflict, storeContract } from "../lib/store-contract.ts";
import type { Listening } from "../middlewares/facts/listening.ts";

/** What a store offers the operators. Document stores drive no sagas. */
export interface OperableStore {
	facts: FactSource;
	inbox: FactInbox;
	leases: Leases;
	/** Where several nodes write the same data: numbers what was told, on one of them. */
	relay?: FactRelay | undefined;
	storeId(): Promise<string>;
	sagas?: {
		list(query: { status?: Saga["status"]; kind?: string; before?: string; limit: number }): Promise<SagaRecord[]>;
		get(id: string): Promise<SagaRecord | undefined>;
		retry(id: string): Promise<boolean>;
		compensate(id: string): Promise<boolean>;
	};
}

type Operable = Service & { operable(): OperableStore; listening?: Listening };

/** As operators see it. `group` is the service that keeps it. */
export function shownLetter(group: string, { nextAt, firstFailedAt, lastFailedAt, id, ...letter }: Letter): DeadLetter {
	return {
		...letter,
		id: `${group}:${id}`,
		group,
		nextAt: nextAt === null ? null : rfc3339(nextAt),
		firstFailedAt: rfc3339(firstFailedAt),
		lastFailedAt: rfc3339(lastFailedAt),
	};
}

// A process keeps what its steps need, and who steers it needs none of these to do so.
const withheld = /token|password|secret|email|address|keyScope/i;

/** A saga's state as operators see it: without what would let them act as the buyer, or write to one. */
function shownState<State>(state: State): State {
	return JSON.parse(JSON.stringify(state), (key, value) => (withheld.test(key) && value !== null ? "(withheld)" : value)) as State;
}

function shownSaga(service: string, saga: SagaRecord): Saga {
	return {
		id: `${service}:${saga.id}`,
		service,
		kind: saga.kind,
		status: shownStatus(saga),
		steps: saga.steps,
		attempts: saga.attempts,
		error: saga.error,
		problem: saga.problem as unknown as Record<string, unknown> | null,
		state: shownState(saga.state),
		createdAt: rfc3339(saga.createdAt),
		updatedAt: rfc3339(saga.updatedAt),
		nextAt: saga.status === "running" || saga.status === "waiting" || saga.status === "compensating" ? rfc3339(saga.nextAt) : null,
	};
}

async function sagaOf(service: Operable, id: string): Promise<SagaRecord> {
	const saga = await service.operable().sagas?.get(id);
	if (!saga) throw notFound();
	return saga;
}

/** Merged into every service with a store. */
export function storeActions(): Record<string, AnsweredAction> {
	const contract = storeContract("store");
	return {
		readFacts: answer(contract.readFacts, function (this: Operable, ctx) {
			return this.operable().facts.find(ctx.params);
		}),
		storeState: answer(contract.storeState, async function (this: Operable) {
			const store = this.operable();
			return {
				service: this.name,
				head: await store.facts.head(),
				...(await store.facts.pending()),
				cursors: (await this.listening?.cursors()) ?? {},
				hasSagas: store.sagas !== undefined,
				storeId: await store.storeId(),
			};
		}),
		listLetters: answer(contract.listLetters, async function (this: Operable, ctx) {
			return (await this.operable().inbox.letters(ctx.params)).map(letter => shownLetter(this.name, letter));
		}),
		getLetter: answer(contract.getLetter, async function (this: Operable, ctx) {
			const letter = await this.operable().inbox.letter(ctx.params.id);
			if (!letter) throw notFound();
			return shownLetter(this.name, letter);
		}),
		redriveLetter: answer(contract.redriveLetter, async function (this: Operable, ctx) {
			const done = await this.operable().inbox.redrive(ctx.params.id);
			this.listening?.wake();
			return { done };
		}),
		dropLetter: answer(contract.dropLetter, async function (this: Operable, ctx) {
			const done = await this.operable().inbox.drop(ctx.params.id);
			this.listening?.wake();
			return { done };
		}),
		replayFacts: answer(contract.replayFacts, async function (this: Operable, ctx) {
			return (await this.listening?.replay(ctx.params)) ?? { considered: 0, repaired: 0 };
		}),
		listSagas: answer(contract.listSagas, async function (this: Operable, ctx) {
			return ((await this.operable().sagas?.list(ctx.params)) ?? []).map(saga => shownSaga(this.name, saga));
		}),
		getSaga: answer(contract.getSaga, async function (this: Operable, ctx) {
			return shownSaga(this.name, await sagaOf(this, ctx.params.id));
		}),
		retrySaga: answer(contract.retrySaga, async function (this: Operable, ctx) {
			await sagaOf(this, ctx.params.id);
			if (!(await this.operable().sagas!.retry(ctx.params.id))) throw sagaStateConflict({ id: ctx.params.id });
			return shownSaga(this.name, await sagaOf(this, ctx.params.id));
		}),
		compensateSaga: answer(contract.compensateSaga, async function (this: Operable, ctx) {
			await sagaOf(this, ctx.params.id);
			if (!(await this.operable().sagas!.compensate(ctx.params.id))) throw sagaStateConflict({ id: ctx.params.id });
			return shownSaga(this.name, await sagaOf(this, ctx.params.id));
		}),
	};
}
