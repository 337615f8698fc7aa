// What may come next on a line that is being typed.
import type { Mesh } from "../../lib/operator-socket.ts";
import { type Command, commonOptions, findCommand } from "./command.ts";

/** A word that is the only one left is finished with a blank. */
function beginningWith(candidates: readonly string[], begun: string): string[] {
	const found = [...new Set(candidates)].filter(each => each.startsWith(begun)).sort();
	return found.length === 1 ? [`${found[0]} `] : found;
}

/** Names of commands, word by word. */
function names(commands: readonly Command[], before: readonly string[]): string[] {
	return commands
		.map(({ name }) => name.split(" "))
		.filter(words => words.length > before.length && before.every((word, at) => words[at] === word))
		.map(words => words[before.length]!);
}

/** Candidates for the last word of `line`, and that word. What the mesh cannot say is left out: completion never fails. */
export async function complete(commands: readonly Command[], line: string, mesh: () => Promise<Mesh>): Promise<[string[], string]> {
	const words = line.trimStart().split(/\s+/);
	const begun = words.pop() ?? "";
	const found = findCommand(commands, words);
	if (!found) return [beginningWith(names(commands, words), begun), begun];
	const { command, rest } = found;
	const options = { ...command.options, ...commonOptions };
	if (begun.startsWith("-"))
		return [
			beginningWith(
				Object.keys(options).map(name => `--${name}`),
				begun,
			),
			begun,
		];
	const open = options[rest.at(-1)?.replace(/^--/, "") ?? ""];
	if (rest.at(-1)?.startsWith("--") && open && open.type !== "flag") return [beginningWith(open.values ?? [], begun), begun];
	const operand = command.operands[rest.filter(word => !word.startsWith("-")).length];
	const candidates = (await operand?.candidates?.(await mesh()).catch(() => [])) ?? [];
	return [beginningWith([...names(commands, words), ...candidates], begun), begun];
}
