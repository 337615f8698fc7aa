// What alerts are worth: how many of a scenario's incidents were found, and how much of what the same rules said was right.
import type { CompiledRule } from "../../services/risk/fraud/rules/rule-book.ts";
import type { BacktestReport } from "../../services/risk/fraud/rules.contract.ts";
import { fraudScenarios, honestScenarios, type Label, type Scenario } from "./stream-file.ts";

export interface Alert {
	rule: Pick<CompiledRule, "id" | "rule">;
	entityKey: string;
}

export interface FraudRow {
	scenario: Scenario;
	incidents: number;
	/** Those of which at least one entity was alerted about. */
	found: number;
	recall: number;
	/** Of the labelled entities that the rules which find this scenario alerted about, the part that was fraud of any kind; null when nothing was found. */
	precision: number | null;
	rules: string[];
}

export interface HonestRow {
	scenario: Scenario;
	entities: number;
	/** Different ones that were alerted about, though nothing was wrong with them. */
	alerted: number;
	alerts: number;
	rules: string[];
}

// A rule belongs to a scenario when it found that part of what was found: now and then one hits a fraudster by chance.
const shareOfFound = 0.25;

export class Scores {
	readonly #all: readonly Label[];
	#byEntity: ReadonlyMap<string, Label> | undefined;
	/** By rule: how often which entity. */
	readonly #alerts = new Map<string, Map<string, number>>();

	/** The labels may still grow while alerts are counted. */
	constructor(labels: readonly Label[]) {
		this.#all = labels;
	}

	/** Rules that only allow alert nobody. */
	count({ rule: { id, rule }, entityKey }: Alert): void {
		if (rule.outcome === "allow") return;
		const entities = this.#alerts.get(id) ?? new Map<string, number>();
		this.#alerts.set(id, entities.set(entityKey, (entities.get(entityKey) ?? 0) + 1));
	}

	/** Scenarios of fraud that are in the stream. */
	fraud(): FraudRow[] {
		return fraudScenarios.filter(scenario => this.#has(scenario)).map(scenario => this.#fraudRow(scenario));
	}

	/** Those that only look like it, and ordinary life. */
	honest(): HonestRow[] {
		return honestScenarios.filter(scenario => this.#has(scenario)).map(scenario => this.#honestRow(scenario));
	}

	/** How much there is to look at for whoever works on alerts. */
	perThousandAndDay({ rules }: BacktestReport, users: number): number {
		const perDay = rules.filter(({ id }) => this.#alerts.has(id)).reduce((sum, rule) => sum + rule.perDay, 0);
		return users === 0 ? 0 : (perDay / users) * 1000;
	}

	#labelOf(entityKey: string): Label | undefined {
		this.#byEntity ??= new Map(this.#all.map(label => [label.entity, label]));
		return this.#byEntity.get(entityKey);
	}

	#has = (scenario: Scenario) => this.#all.some(label => label.scenario === scenario);

	#fraudRow(scenario: Scenario): FraudRow {
		const incidents = new Set(this.#all.filter(label => label.scenario === scenario).map(({ incident }) => incident));
		const foundBy = new Map([...this.#alerts].map(([rule, entities]) => [rule, this.#incidentsAmong(scenario, entities)]));
		const found = new Set([...foundBy.values()].flatMap(each => [...each]));
		const rules = [...foundBy].filter(([, each]) => each.size > 0 && each.size >= found.size * shareOfFound).map(([rule]) => rule);
		return {
			scenario,
			incidents: incidents.size,
			found: found.size,
			recall: found.size / incidents.size,
			precision: this.#precisionOf(rules),
			rules: rules.sort(),
		};
	}

	#incidentsAmong(scenario: Scenario, entities: ReadonlyMap<string, number>): Set<number> {
		const labels = [...entities.keys()].map(key => this.#labelOf(key));
		return new Set(labels.filter(label => label?.scenario === scenario).map(label => label!.incident));
	}

	#precisionOf(rules: readonly string[]): number | null {
		const alerted = new Set(rules.flatMap(rule => [...this.#alerts.get(rule)!.keys()]));
		const labels = [...alerted].map(key => this.#labelOf(key)).filter(label => label !== undefined);
		return labels.length === 0 ? null : labels.filter(({ fraud }) => fraud).length / labels.length;
	}

	#honestRow(scenario: Scenario): HonestRow {
		const alerted = new Set<string>();
		const rules = new Set<string>();
		let alerts = 0;
		for (const [rule, entities] of this.#alerts) {
			for (const [key, times] of entities) {
				if (this.#labelOf(key)?.scenario !== scenario) continue;
				alerted.add(key);
				rules.add(rule);
				alerts += times;
			}
		}
		const entities = this.#all.filter(label => label.scenario === scenario).length;
		return { scenario, entities, alerted: alerted.size, alerts, rules: [...rules].sort() };
	}
}
