// Checks params before a handler runs. Our contracts bring TypeBox schemas; `$node` and third-party mixins bring fastest-validator's: dispatch by shape.
import type { Context, Middleware, ServiceBroker } from "moleculer";
import type { TObject } from "typebox";
import { Compile } from "typebox/compile";
import type { AnsweredAction } from "../lib/contract.ts";
import { type Flaw, validationFailed } from "../lib/failure.ts";
import { escapePointer } from "../lib/pointer.ts";

interface SchemaError {
	keyword: string;
	instancePath: string;
	message: string;
	params: Record<string, unknown>;
}

// TypeBox names keywords of JSON Schema; these are the words our clients read.
const codes: Readonly<Record<string, string>> = {
	required: "required",
	additionalProperties: "unknown_field",
	type: "wrong_type",
	enum: "not_allowed",
	const: "not_allowed",
};

function flawsOf(error: SchemaError): Flaw[] {
	const named = (error.params.requiredProperties ?? error.params.additionalProperties) as string[] | undefined;
	const code = codes[error.keyword] ?? error.keyword;
	if (!named) return [{ pointer: error.instancePath, code, detail: error.message }];
	const detail = error.keyword === "required" ? "is required" : "is not a field of this request";
	return named.map(key => ({ pointer: `${error.instancePath}/${escapePointer(key)}`, code, detail }));
}

// TypeBox says these beside the error that names the field: of itself, and of each field that `additionalProperties: false` forbids.
const nameless = new Set(["~standard", "boolean"]);

/** Compiles a schema into a check that throws `validation_failed` with one flaw per wrong place. */
export function checker(schema: TObject): (params: unknown) => void {
	// At the first call: there are hundreds, and a process that starts needs few of them.
	let compiled: ReturnType<typeof Compile<TObject>> | undefined;
	return params => {
		compiled ??= Compile(schema);
		if (compiled.Check(params)) return;
		const flaws = (compiled.Errors(params) as unknown as SchemaError[]).filter(({ keyword }) => !nameless.has(keyword)).flatMap(flawsOf);
		// A union says "anyOf" beside the flaws of its branches, and an unknown field comes twice: the place is named once.
		const seen = new Set<string>();
		const errors = flaws.filter(({ pointer, code }) => !seen.has(`${pointer} ${code}`) && seen.add(`${pointer} ${code}`)).slice(0, 50);
		throw validationFailed({ errors });
	};
}

export const validation: Middleware = {
	name: "Validation",
	localAction(this: ServiceBroker, next: (ctx: Context) => Promise<unknown>, action: unknown) {
		const { contract, params } = action as AnsweredAction & { params?: object };
		if (contract) {
			const check = checker(contract.params);
			return async (ctx: Context) => {
				check(ctx.params ?? {});
				return next(ctx);
			};
		}
		if (!params || !this.validator) return next;
		const check = this.validator.compile(params as never);
		return async (ctx: Context) => {
			const result = await check((ctx.params ?? {}) as never);
			if (result !== true) throw validationFailed({ errors: [{ pointer: "", code: "invalid", detail: "the parameters are not valid" }] });
			return next(ctx);
		};
	},
};
