// Path, query and body become the one params object that a contract describes. Texts of path and query become numbers and flags where the schema
// says so; whatever does not become one stays as it is, for the schema to refuse at its place.
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { ActionContract } from "../../../lib/contract.ts";
import { type Flaw, notFound, validationFailed } from "../../../lib/failure.ts";
import { escapePointer } from "../../../lib/pointer.ts";
import type { JsonObject } from "./read-body.ts";

interface PlainSchema {
	type?: string;
	items?: TSchema;
	anyOf?: readonly TSchema[];
}

/** Makes of a text (or several, when it was repeated) what the schema asks for. */
export type Coerce = (value: unknown) => unknown;

const asIs: Coerce = value => value;

function asInteger(value: unknown): unknown {
	if (typeof value !== "string" || !/^-?\d{1,16}$/.test(value)) return value;
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

function asNumber(value: unknown): unknown {
	return typeof value === "string" && /^-?\d{1,16}(\.\d{1,16})?$/.test(value) ? Number(value) : value;
}

function asFlag(value: unknown): unknown {
	if (value === "true") return true;
	return value === "false" ? false : value;
}

export function coercionFor(schema: TSchema): Coerce {
	const { type, items, anyOf } = schema as PlainSchema;
	if (type === "integer") return asInteger;
	if (type === "number") return asNumber;
	if (type === "boolean") return asFlag;
	if (type === "array") {
		const item = items ? coercionFor(items) : asIs;
		return value => (Array.isArray(value) ? value.map(item) : [item(value)]);
	}
	// The first branch that makes something else of the text wins; a text that is one of the branches stays a text.
	const branches = (anyOf ?? []).map(coercionFor).filter(coerce => coerce !== asIs);
	if (branches.length === 0) return asIs;
	return value => branches.map(coerce => coerce(value)).find(coerced => coerced !== value) ?? value;
}

export interface Sent {
	path: Readonly<Record<string, string>>;
	query: JsonObject;
	/** Absent where the method has none. */
	body?: JsonObject;
}

/** How the params of one route are put together; made once, at the start. */
export type Assemble = (sent: Sent) => JsonObject;

const unknownField = (key: string): Flaw => ({
	pointer: `/${escapePointer(key)}`,
	code: "unknown_field",
	detail: "is not a field of this request",
});

/**
 * The assembler of a route. It throws `not_found` for a path that cannot name anything (an id of another kind), and `validation_failed` for fields that
 * stand where they do not belong; what else is wrong the schema says, on the node that answers.
 */
export function assembler(contract: ActionContract, fieldsOfPath: readonly string[]): Assemble {
	const properties = contract.params.properties as Record<string, TSchema>;
	const inPath = new Map(
		fieldsOfPath.map(name => {
			const schema = properties[name];
			if (!schema) throw new TypeError(`${contract.name}: ":${name}" of its path is no field of its params`);
			return [name, { coerce: coercionFor(schema), compiled: Compile(schema) }];
		}),
	);
	const coercions = new Map(Object.entries(properties).map(([name, schema]) => [name, coercionFor(schema)]));

	return ({ path, query, body }) => {
		const params: JsonObject = {};
		const misplaced: Flaw[] = [];
		const place = (key: string, value: unknown) => {
			if (inPath.has(key)) misplaced.push(unknownField(key));
			else params[key] = value;
		};
		if (body) {
			for (const key in query) misplaced.push(unknownField(key));
			for (const key of Object.keys(body)) place(key, body[key]);
		} else {
			for (const key in query) place(key, (coercions.get(key) ?? asIs)(query[key]));
		}
		for (const [name, { coerce, compiled }] of inPath) {
			const value = coerce(path[name]);
			if (!compiled.Check(value)) throw notFound();
			params[name] = value;
		}
		if (misplaced.length > 0) throw validationFailed({ errors: misplaced });
		return params;
	};
}
