// Help, made from what the commands declare.
import { styleText } from "node:util";
import { type Command, command, commonOptions, type Operand, type Option, UsageError } from "./command.ts";

const optionText = (name: string, { type, value, values }: Option) =>
	type === "flag" ? `--${name}` : `--${name} ${values?.join("|") ?? value ?? "VALUE"}`;

function shapeOf({ name, optional, many }: Operand): string {
	const shape = many ? `${name}…` : name;
	return optional ? `[${shape}]` : shape;
}

const headOf = ({ name, operands }: Command) => [name, ...operands.map(shapeOf)].join(" ");

export const usageOf = (asked: Command) =>
	[headOf(asked), ...Object.entries(asked.options).map(([name, option]) => `[${optionText(name, option)}]`)].join(" ");

const listed = (rows: readonly (readonly [string, string])[]) => {
	const width = Math.max(...rows.map(([name]) => name.length));
	return rows.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`).join("\n");
};

export function helpOf(asked: Command): string {
	const rows = [
		...asked.operands.map(({ name, about }) => [name, about] as const),
		...Object.entries({ ...asked.options, ...commonOptions }).map(([name, option]) => [optionText(name, option), option.about] as const),
	];
	return `${styleText("bold", usageOf(asked))}\n\n${asked.summary}${asked.details ? `\n${asked.details}` : ""}\n\n${listed(rows)}`;
}

export const overview = (commands: readonly Command[]) =>
	`${listed(commands.map(each => [headOf(each), each.summary] as const))}\n
Every command takes --json and --help. From the shell: npm run repl -- outbox --json`;

/** `help` and `exit`, which speak of the others. */
export function helpOver(working: readonly Command[]): Command[] {
	const exit = command({ name: "exit", summary: "Leave the prompt. Stoa goes on.", offline: true, run: async () => "well" });
	const help: Command = command({
		name: "help",
		summary: "What can be asked, or what one command does.",
		offline: true,
		operands: [
			{
				name: "COMMAND",
				about: "such as saga or outbox",
				optional: true,
				candidates: async () => [...new Set(working.map(({ name }) => name.split(" ")[0]!))],
			},
			{ name: "SECOND", about: "its second word", optional: true },
		],
		async run({ operands, show }) {
			const all = [...working, help, exit];
			const asked = [operands.COMMAND, operands.SECOND].filter(Boolean).join(" ");
			const found = all.filter(({ name }) => name === asked || name.startsWith(`${asked} `));
			if (asked && found.length === 0) throw new UsageError(`There is no command "${asked}".`);
			const data = (asked ? found : all).map(each => ({ usage: usageOf(each), summary: each.summary }));
			show({ data, text: asked ? found.map(helpOf).join("\n\n") : overview(all) });
			return "well";
		},
	});
	return [help, exit];
}
