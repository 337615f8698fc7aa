// One comparison of a rule: is there such a fact, can it be compared so, and with this value? Every flaw has its place.
import { parseDuration } from "../../../../lib/duration.ts";
import type { Flaw } from "../../../../lib/failure.ts";
import { escapePointer } from "../../../../lib/pointer.ts";
import { entityKinds, type Operator, operators, type Scalar, type Trigger } from "../rules.contract.ts";
import { type Counter, counterNamed, type Field, fieldNamed } from "./askable.ts";

// Decisions keep every value they were compared with, so a value has an end.
const valuesMax = 1000;
const lengthMax = 256;
// As much is kept of an entity at most, so that a rule that asks for more could never be answered.
const keptMax = 10_000;
const longestMs = 400 * 86_400_000;

const parts: readonly string[] = ["fact", "operator", "value"];
const counterParts: readonly string[] = ["counter", "by", "window", "where"];
const orderings: readonly unknown[] = ["gt", "gte", "lt", "lte"] satisfies Operator[];
const memberships: readonly unknown[] = ["in", "notIn"] satisfies Operator[];

/** What a value is compared with, as far as that is known. */
interface Subject {
	name: string;
	type?: Field["type"];
	values?: readonly string[];
	max?: number;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** What is wrong with `{ fact, operator, value }` in a rule that is asked at the triggers. */
export function* comparisonFlaws(comparison: Record<string, unknown>, pointer: string, triggers: readonly Trigger[]): Generator<Flaw> {
	yield* unknownKeys(comparison, parts, pointer, "is not a field of a condition");
	for (const part of parts) if (comparison[part] === undefined) yield missing(`${pointer}/${part}`);
	const { fact, operator, value } = comparison;
	const subject = fact === undefined ? undefined : yield* factFlaws(fact, `${pointer}/fact`, triggers);
	const operatorFlaw = operator === undefined ? undefined : flawOfOperator(operator, subject, `${pointer}/operator`);
	if (operatorFlaw) yield operatorFlaw;
	if (operatorFlaw || operator === undefined || value === undefined) return;
	if (memberships.includes(operator)) yield* listFlaws(value, `${pointer}/value`, subject);
	else
		yield* scalarFlaws(
			value,
			`${pointer}/value`,
			orderings.includes(operator) ? { name: "what is ordered", ...subject, type: "number" } : subject,
		);
}

/** A duration that is malformed, no time at all, or longer than anything is kept. */
export function* durationFlaws(given: unknown, pointer: string): Generator<Flaw> {
	const ms = typeof given === "string" ? parseDuration(given) : undefined;
	if (ms === undefined) {
		yield invalid(pointer, "is not an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT1H");
	} else if (ms === 0 || ms > longestMs) {
		yield { pointer, code: "out_of_range", detail: "must be longer than nothing and not longer than P400D" };
	}
}

function* factFlaws(fact: unknown, pointer: string, triggers: readonly Trigger[]): Generator<Flaw, Subject | undefined> {
	if (isRecord(fact)) return yield* counterFlaws(fact, pointer);
	const field = typeof fact === "string" ? fieldNamed(fact) : undefined;
	if (!field) {
		yield { pointer, code: "unknown", detail: "is neither a field of what is assessed nor a counter" };
		return undefined;
	}
	// Asked at several triggers, a rule may look at what only one of them has: where it is absent the comparison does not hold.
	if (!triggers.some(trigger => field.on.includes(trigger))) {
		yield { pointer, code: "not_allowed", detail: `${fact} is known at ${field.on.join(", ")}, not at ${triggers.join(", ")}` };
	}
	return { name: fact as string, type: field.type, values: field.values };
}

function* counterFlaws(fact: Record<string, unknown>, pointer: string): Generator<Flaw, Subject> {
	yield* unknownKeys(fact, counterParts, pointer, "is not a field of a counter");
	const counter = counterNamed(fact.counter);
	const isEntity = (entityKinds as readonly unknown[]).includes(fact.by);
	if (fact.counter === undefined) yield missing(`${pointer}/counter`);
	else if (!counter) yield { pointer: `${pointer}/counter`, code: "unknown", detail: "is not a counter" };
	if (fact.by === undefined) yield missing(`${pointer}/by`);
	else if (!isEntity) yield { pointer: `${pointer}/by`, code: "unknown", detail: `is none of ${entityKinds.join(", ")}` };

	if (fact.window !== undefined) {
		if (counter?.window === "never") yield { pointer: `${pointer}/window`, code: "not_allowed", detail: `${fact.counter} has no window` };
		else yield* durationFlaws(fact.window, `${pointer}/window`);
	} else if (counter?.window === "required") yield missing(`${pointer}/window`);

	if (fact.where !== undefined) yield* whereFlaws(fact.where, counter?.where, `${pointer}/where`);
	const max = isKeptOneByOne(counter, fact.window !== undefined) ? keptMax : undefined;
	return { name: counter ? String(fact.counter) : "a counter", type: "number", max };
}

/** For life there is a number and no more, and so is what amounts add up to; what lies in a window, and different ones, are remembered one by one. */
function isKeptOneByOne(counter: Counter | undefined, isWindowed: boolean): boolean {
	if (counter?.counts === "amounts") return false;
	return isWindowed || (counter !== undefined && counter.counts !== "events");
}

function* whereFlaws(where: unknown, fields: readonly string[] | undefined, pointer: string): Generator<Flaw> {
	if (!isRecord(where)) yield invalid(pointer, "must be an object of fields and their values");
	// What a counter that does not exist could be narrowed by, nobody knows; that it does not exist is said at its name.
	if (!isRecord(where) || !fields) return;
	yield* unknownKeys(where, fields, pointer, "is not a field that this is counted by");
	for (const field of fields) {
		if (where[field] !== undefined) yield* scalarFlaws(where[field], `${pointer}/${field}`, { name: field, type: "string" });
	}
}

function flawOfOperator(operator: unknown, subject: Subject | undefined, pointer: string): Flaw | undefined {
	if (!(operators as readonly unknown[]).includes(operator))
		return { pointer, code: "unknown", detail: `is none of ${operators.join(", ")}` };
	if (orderings.includes(operator) && subject?.type === "string")
		return invalid(pointer, `cannot be asked of ${subject.name}, which is no number`);
	return undefined;
}

function* listFlaws(list: unknown, pointer: string, subject: Subject | undefined): Generator<Flaw> {
	if (!Array.isArray(list) || list.length === 0 || list.length > valuesMax) {
		yield invalid(pointer, `must be a list of 1 to ${valuesMax} values`);
		return;
	}
	for (const [index, value] of list.entries()) yield* scalarFlaws(value, `${pointer}/${index}`, subject);
}

function* scalarFlaws(value: unknown, pointer: string, subject: Subject | undefined): Generator<Flaw> {
	if (!isScalar(value)) yield invalid(pointer, "must be a string, a number or a boolean");
	else if (subject?.type && typeof value !== subject.type) yield invalid(pointer, `must be a ${subject.type}`);
	else if (typeof value === "number" && !isExact(value)) yield invalid(pointer, "is no number that can be compared exactly");
	else if (typeof value === "string" && value.length > lengthMax)
		yield { pointer, code: "too_long", detail: `must not have more than ${lengthMax} characters` };
	else if (subject?.values && !subject.values.includes(String(value)))
		yield { pointer, code: "unknown", detail: `${subject.name} is always one of ${subject.values.join(", ")}` };
	else if (subject?.max !== undefined && Number(value) > subject.max)
		yield { pointer, code: "out_of_range", detail: `must be at most ${subject.max}: no more is kept of ${subject.name} one by one` };
}

function* unknownKeys(object: Record<string, unknown>, known: readonly string[], pointer: string, detail: string): Generator<Flaw> {
	for (const key of Object.keys(object)) {
		if (!known.includes(key)) yield { pointer: `${pointer}/${escapePointer(key)}`, code: "unknown", detail };
	}
}

const missing = (pointer: string): Flaw => ({ pointer, code: "required", detail: "is required" });
const invalid = (pointer: string, detail: string): Flaw => ({ pointer, code: "invalid", detail });
const isScalar = (value: unknown): value is Scalar => typeof value === "string" || typeof value === "number" || typeof value === "boolean";
const isExact = (value: number) => (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value));
