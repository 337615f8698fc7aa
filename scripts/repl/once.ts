// One command from the shell: `npm run repl -- outbox --json`. The exit code says whether all is well.
import { commands } from "./commands.ts";
import { Door, type Way } from "./door.ts";
import { execute } from "./execute.ts";

export interface Output {
	print(text: string): void;
	complain(text: string): void;
	width?: number;
}

/** 0 or 1. `signal` ends a command that follows something. */
export async function runOnce(
	way: Way,
	words: readonly string[],
	output: Output,
	signal: AbortSignal = new AbortController().signal,
): Promise<number> {
	const door = new Door(way);
	try {
		const verdict = await execute({ commands, mesh: door.mesh, ...output, width: output.width }, words, signal);
		return verdict === "well" ? 0 : 1;
	} finally {
		await door.close();
	}
}
