// Figures as Markdown, so that a table can be pasted where it is quoted.
import os from "node:os";

/** The first row is the head, the first column the names. */
export function aligned(rows: readonly string[][]): string[] {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
	const line = (row: readonly string[]) =>
		`| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(" | ")} |`;
	const rule = `|${widths.map((width, at) => (at === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
	return [line(rows[0]!), rule, ...rows.slice(1).map(line)];
}

export function whole(value: number | undefined): string {
	return value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

export function decimal(value: number | undefined): string {
	return value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 1);
}

/** How often the one goes into the other; unknown where one of them is. */
export function ratio(value: number | undefined, base: number | undefined): string {
	if (value === undefined || !base) return "–";
	const found = value / base;
	return found < 0.1 ? found.toFixed(3) : decimal(found);
}

/** Figures mean nothing without it. */
export function machine(): string {
	return `Node ${process.versions.node}, ${os.availableParallelism()} × ${os.cpus()[0]?.model.trim() || os.arch()}, the load generator on the same machine`;
}
