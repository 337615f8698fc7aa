// What a command of the operator's prompt declares. Help, completion and the reading of its arguments all come from the declaration.
import { parseArgs } from "node:util";
import type { Mesh } from "../../lib/operator-socket.ts";

export interface Option {
	/** `flag` takes no value. */
	type: "text" | "number" | "flag";
	about: string;
	/** What the value is called in the help. */
	value?: string;
	/** The only values there are. */
	values?: readonly string[];
}

export interface Operand {
	name: string;
	about: string;
	optional?: true;
	/** The last one only: takes all words that are left, as one text. */
	many?: true;
	/** What it looks like. */
	like?: RegExp;
	/** What may stand here at this moment, for completion. */
	candidates?(mesh: Mesh): Promise<string[]>;
}

/** One answer: as data for `--json`, as text for a person. */
export interface Shown {
	data: unknown;
	text: string;
}

type ValueOf<Type extends Option["type"]> = Type extends "flag" ? boolean : Type extends "number" ? number | undefined : string | undefined;
type Options = Readonly<Record<string, Option>>;
type OperandsOf<Operands extends readonly Operand[]> = {
	[O in Operands[number] as O["name"]]: O["optional"] extends true ? string | undefined : string;
};

export interface Given<Opts extends Options = Options, Operands extends readonly Operand[] = readonly Operand[]> {
	mesh: Mesh;
	operands: OperandsOf<Operands>;
	options: { [Name in keyof Opts]: ValueOf<Opts[Name]["type"]> };
	show(shown: Shown): void;
	/** Says something on the way; left out where the answer is wanted as data. */
	remark(text: string): void;
	/** Columns of the terminal; undefined where there is none. */
	width: number | undefined;
	/** Aborted by Ctrl-C. */
	signal: AbortSignal;
}

/** Whether what was asked for is as it should be: what a script sees as the exit code. */
export type Verdict = "well" | "not well";

export interface Command {
	/** One word or two: `orders`, `saga list`. */
	name: string;
	summary: string;
	/** More than a line, where the summary leaves a question open. */
	details?: string;
	/** Works without a running process. */
	offline?: true;
	/** Goes on until the signal is aborted, and then ends by itself. */
	follows?: true;
	operands: readonly Operand[];
	options: Options;
	run(given: Given): Promise<Verdict>;
}

/** Declares a command; `run` sees its options and operands under their names and types. */
export function command<
	const Opts extends Options = Record<never, never>,
	const Operands extends readonly Operand[] = readonly [],
>(declared: {
	name: string;
	summary: string;
	details?: string;
	offline?: true;
	follows?: true;
	operands?: Operands;
	options?: Opts;
	run(given: Given<Opts, Operands>): Promise<Verdict>;
}): Command {
	return { operands: [], options: {}, ...declared, run: declared.run as unknown as Command["run"] };
}

/** It was typed wrongly. The message says what to type. */
export class UsageError extends Error {
	override name = "UsageError";
}

/** What every command takes beside its own options. */
export const commonOptions: Options = {
	json: { type: "flag", about: "print the answer as JSON, one document a line" },
	help: { type: "flag", about: "say what the command does" },
};

/** The command that the first one or two words name, and the words after it. */
export function findCommand(
	commands: readonly Command[],
	words: readonly string[],
): { command: Command; rest: readonly string[] } | undefined {
	for (const length of [2, 1]) {
		const name = words.slice(0, length).join(" ");
		const found = words.length >= length ? commands.find(command => command.name === name) : undefined;
		if (found) return { command: found, rest: words.slice(length) };
	}
	return undefined;
}

function readValue(name: string, { type, values }: Option, text: string | boolean | undefined): string | number | boolean | undefined {
	if (type === "flag") return text === true;
	if (typeof text !== "string") return undefined;
	if (values && !values.includes(text)) throw new UsageError(`--${name} is "${text}"; it must be one of: ${values.join(", ")}.`);
	if (type === "text") return text;
	if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} is "${text}"; it must be a whole number.`);
	return Number(text);
}

interface Arguments {
	operands: Record<string, string>;
	options: Record<string, string | number | boolean | undefined>;
	/** The answer is wanted as data. */
	json: boolean;
	/** Nothing is wanted but to be told what the command does; the rest was not looked at. */
	help: boolean;
}

/** Reads the words after a command's name. Throws a {@link UsageError}. */
export function readArguments(command: Command, words: readonly string[]): Arguments {
	const declared = { ...command.options, ...commonOptions };
	const shapes = Object.entries(declared).map(([name, { type }]) => [name, { type: type === "flag" ? "boolean" : "string" }] as const);
	let parsed: { values: Record<string, string | boolean | undefined>; positionals: string[] };
	try {
		parsed = parseArgs({ args: [...words], options: Object.fromEntries(shapes), allowPositionals: true }) as typeof parsed;
	} catch (error) {
		throw new UsageError(`${(error as Error).message.split(/\.\s/)[0]}.`);
	}
	const json = parsed.values.json === true;
	if (parsed.values.help) return { operands: {}, options: {}, json, help: true };
	const own = Object.entries(command.options);
	const options = Object.fromEntries(own.map(([name, option]) => [name, readValue(name, option, parsed.values[name])]));
	const missing = command.operands.find((operand, index) => !operand.optional && parsed.positionals[index] === undefined);
	if (missing) throw new UsageError(`${command.name} needs ${missing.name}: ${missing.about}.`);
	for (const [index, { name, about, like }] of command.operands.entries()) {
		const text = parsed.positionals[index];
		if (text !== undefined && like && !like.test(text)) throw new UsageError(`${name} is "${text}"; it must be ${about}.`);
	}
	const extra = command.operands.at(-1)?.many ? undefined : parsed.positionals[command.operands.length];
	if (extra !== undefined) throw new UsageError(`"${extra}" is one word too many for ${command.name}.`);
	const given = command.operands.map(({ name, many }, index) => {
		const words = parsed.positionals.slice(index, many ? undefined : index + 1);
		return [name, words.length > 0 ? words.join(" ") : undefined];
	});
	return { operands: Object.fromEntries(given) as Record<string, string>, options, json, help: false };
}
