// Who was on which list when something happened, as the log tells it: a rule is tried on the past by the lists of the past. Pure.
import type { Listed } from "../fraud.findings.ts";
import { entityKey, type ListChange, type Observation } from "../fraud.observations.ts";
import type { EntityKind } from "../rules.contract.ts";

/** From when until before when somebody's word put an entity on a list. */
interface Span {
	list: string;
	caseId: string | null;
	from: number;
	until: number;
}

const nobody: Listed = new Map();

export class ListsAsTheyWere {
	readonly #spans = new Map<string, Span[]>();

	/** From now on an entity stands so on a list. What the same word has said before ends here. */
	change({ list, entityKey, caseId, until }: ListChange, now: number): void {
		const spans = this.#spans.get(entityKey) ?? [];
		this.#spans.set(entityKey, spans);
		for (const span of spans) if (span.list === list && span.caseId === caseId) span.until = Math.min(span.until, now);
		const end = until ?? Number.POSITIVE_INFINITY;
		if (end > now) spans.push({ list, caseId, from: now, until: end });
	}

	/** The lists on which its entities were when it happened. */
	at({ entities, at }: Pick<Observation, "entities" | "at">): Listed {
		if (this.#spans.size === 0) return nobody;
		let listed: Map<string, ReadonlySet<string>> | undefined;
		for (const kind in entities) {
			const key = entityKey(kind as EntityKind, entities[kind as EntityKind]!);
			const spans = this.#spans.get(key)?.filter(({ from, until }) => from <= at && at < until);
			if (!spans?.length) continue;
			listed ??= new Map();
			listed.set(key, new Set(spans.map(({ list }) => list)));
		}
		return listed ?? nobody;
	}
}
