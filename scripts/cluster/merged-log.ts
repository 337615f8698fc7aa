// What several processes print, as one log: each line under its node's name, in its node's colour where there are colours.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { styleText } from "node:util";

const colours = ["cyan", "green", "yellow", "magenta", "blue", "red"] as const;

export class MergedLog {
	readonly #names: readonly string[];
	readonly #width: number;
	readonly #print: (line: string) => void;
	readonly #coloured: boolean;

	constructor(names: readonly string[], { print, coloured }: { print(line: string): void; coloured: boolean }) {
		this.#names = names;
		this.#width = Math.max("cluster".length, ...names.map(name => name.length));
		this.#print = print;
		this.#coloured = coloured;
	}

	/** Prints what a node writes, line by line; `isNews` says which lines are worth it. */
	follow(name: string, stream: Readable, isNews: (line: string) => boolean = () => true): void {
		const colour = colours[this.#names.indexOf(name) % colours.length]!;
		const prefix = this.#styled(colour, `${name.padEnd(this.#width)} |`);
		const lines = createInterface({ input: stream });
		lines.on("error", () => undefined); // a pipe that broke: the process ended
		lines.on("line", line => {
			if (line.trim() !== "" && isNews(line)) this.#print(`${prefix} ${line}`);
		});
	}

	/** What the cluster itself has to say. */
	say(text: string): void {
		for (const line of text.split("\n")) this.#print(`${this.#styled("bold", `${"cluster".padEnd(this.#width)} |`)} ${line}`.trimEnd());
	}

	#styled(style: (typeof colours)[number] | "bold", text: string): string {
		return this.#coloured ? styleText(style, text, { validateStream: false }) : text;
	}
}
