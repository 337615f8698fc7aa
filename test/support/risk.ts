// Stands in for fraud towards a checkout: judges as the test says, or is away, or late, and tells what an analyst decided.
import { answer, type ParamsOf, tell } from "../../lib/contract.ts";
import { serviceUnavailable } from "../../lib/failure.ts";
import { newId } from "../../lib/ids.ts";
import { defineService } from "../../lib/service.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import { orderDecided } from "../../services/risk/fraud/cases.contract.ts";
import * as fraud from "../../services/risk/fraud/fraud.contract.ts";
import type { Stoa } from "./stoa.ts";

type Outcome = fraud.Assessment["outcome"];

export class RiskStandIn {
	/** Of an attempt that it did not decide on before. */
	outcome: Outcome | (() => Outcome) = "allow";
	isFlagged = false;
	readonly #decided = new Map<string, Outcome>();
	/** Thrown instead of an answer. */
	refusal: Error | undefined;
	/** Every attempt it was asked about, and how those ended that it was told of, in order. */
	readonly assessed: fraud.Attempt[] = [];
	readonly concluded: ParamsOf<typeof fraud.conclude>[] = [];
	#speak: (() => void) | undefined;
	#silence: Promise<void> = Promise.resolve();

	/** Handed to `startStoa` among `also`. */
	service() {
		return defineService({
			name: "fraud",
			mixins: [sqlStore({ migrations: [], tx: SqlTx })],
			actions: {
				assess: answer(fraud.assess, async ({ params }) => {
					this.assessed.push(params);
					await this.#silence;
					if (this.refusal) throw this.refusal;
					const { attemptId } = params;
					const outcome = this.#decided.get(attemptId) ?? (typeof this.outcome === "function" ? this.outcome() : this.outcome);
					this.#decided.set(attemptId, outcome);
					return { decisionId: newId("dec", Date.now()), outcome, isFlagged: this.isFlagged };
				}),
				conclude: answer(fraud.conclude, async ({ params }) => {
					this.concluded.push(params);
					await this.#silence;
					if (this.refusal) throw this.refusal;
					return null;
				}),
			},
		});
	}

	away(): void {
		this.refusal = serviceUnavailable();
	}

	/** It answers nobody until it speaks again. */
	silent(): void {
		this.#silence = new Promise(resolve => {
			this.#speak = resolve;
		});
	}

	/** Judges everybody harmless from now on, and answers at once. */
	back(): void {
		this.#speak?.();
		this.#silence = Promise.resolve();
		this.refusal = undefined;
		this.outcome = "allow";
	}

	decide(stoa: Stoa, orderId: string, decision: "approved" | "rejected"): Promise<void> {
		const told = { orderId, decision, caseId: newId("cas", Date.now()) };
		return stoa.service<SqlService<SqlTx>>("fraud").store.transaction(async tx => tell(tx, orderDecided, told));
	}
}
