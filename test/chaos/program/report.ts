// What the program says: lines that a person reads while it runs, and the tables at its end.
import cliProgress from "cli-progress";
import { type PlannedFault, sayFault } from "./schedule.ts";
import type { Line } from "./tally.ts";

const clock = (ms: number) => `${Math.floor(ms / 60_000)}:${String(Math.floor((ms % 60_000) / 1000)).padStart(2, "0")}`;

export const scheduleLines = (schedule: readonly PlannedFault[]): string[] =>
	schedule.map(fault => `  ${clock(fault.atMs).padStart(6)}  ${sayFault(fault)}`);

const row = (cells: readonly (string | number)[]) =>
	`  ${String(cells[0]).padEnd(8)}${cells
		.slice(1)
		.map(cell => String(cell).padStart(14))
		.join("")}`;

/** What buyers met, by what was broken meanwhile. */
export function trafficTable(lines: readonly Line[]): string[] {
	const head = row(["", "requests", "wrong", "failed reads", "failed", "cut off", "slowest"]);
	return [
		head,
		...lines.map(({ weather, requests, wrong, failedReads, failed, cutOff, slowestMs }) =>
			row([weather, requests, wrong, failedReads, failed, cutOff, `${(slowestMs / 1000).toFixed(1)} s`]),
		),
	];
}

export interface Progress {
	/** A line that stays. */
	say(line: string): void;
	done(): void;
}

/** A bar below the lines on a terminal; elsewhere the lines, and every ten seconds how far it is. */
export function showProgress(seconds: number, stream: NodeJS.WriteStream = process.stdout): Progress {
	const began = performance.now();
	const elapsed = () => Math.min(seconds, (performance.now() - began) / 1000);
	const at = () => clock(performance.now() - began).padStart(6);
	if (!stream.isTTY) {
		const told = setInterval(() => stream.write(`  ${at()}  … ${Math.round((elapsed() / seconds) * 100)} %\n`), 10_000).unref();
		return { say: line => void stream.write(`  ${at()}  ${line}\n`), done: () => clearInterval(told) };
	}
	const bar = new cliProgress.SingleBar({
		stream,
		clearOnComplete: true,
		hideCursor: true,
		format: "{bar} {percentage} % · {left} s left",
	});
	const left = () => ({ left: Math.ceil(seconds - elapsed()) });
	bar.start(seconds, 0, left());
	const moving = setInterval(() => bar.update(elapsed(), left()), 500).unref();
	return {
		say(line) {
			stream.write(`\r\u001b[K  ${at()}  ${line}\n`);
			bar.update(elapsed(), left());
		},
		done() {
			clearInterval(moving);
			bar.stop();
		},
	};
}
