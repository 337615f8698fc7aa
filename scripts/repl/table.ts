// Answers as a person reads them: columns, and names with their values.
import { styleText } from "node:util";
import { formatMoney } from "../../lib/money.ts";
import type { Money } from "../../lib/vocabulary.ts";

export type Cell = string | number | null | undefined;

const textOf = (cell: Cell) => (cell === null || cell === undefined ? "-" : String(cell).replaceAll(/\s+/g, " "));

/** Cuts a line where the terminal ends: a table whose lines wrap cannot be read. */
const cut = (line: string, width: number | undefined) => (width && line.length > width ? `${line.slice(0, width - 1)}…` : line);

/** Numbers to the right, everything else to the left. `nothing` stands where there are no rows. */
export function table(
	heads: readonly string[],
	rows: readonly (readonly Cell[])[],
	{ nothing, width }: { nothing: string; width: number | undefined },
): string {
	if (rows.length === 0) return nothing;
	const texts = rows.map(row => row.map(textOf));
	const widths = heads.map((head, column) => Math.max(head.length, ...texts.map(row => row[column]!.length)));
	const numeric = heads.map((_, column) => rows.every(row => typeof row[column] === "number" || row[column] === null));
	const line = (cells: readonly string[]) =>
		cut(
			cells.map((cell, column) => (numeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join("  "),
			width,
		).trimEnd();
	return [styleText("bold", line(heads)), ...texts.map(line)].join("\n");
}

/** One value a line. */
export function fields(pairs: Readonly<Record<string, Cell>>): string {
	const width = Math.max(...Object.keys(pairs).map(name => name.length));
	return Object.entries(pairs)
		.map(([name, cell]) => `${styleText("bold", name.padEnd(width))}  ${textOf(cell)}`)
		.join("\n");
}

/** The time to the second; the milliseconds are in `--json`. */
export const shortTime = (time: string | null) => time && `${time.slice(0, 10)} ${time.slice(11, 19)}`;

/** How long ago it was, in the largest unit that is not nothing. */
export function ageText(time: string, now: number = Date.now()): string {
	const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
	const units = [
		["d", 86_400],
		["h", 3600],
		["min", 60],
	] as const;
	const [unit, size] = units.find(([, each]) => seconds >= each) ?? (["s", 1] as const);
	return `${Math.floor(seconds / size)} ${unit}`;
}

export const moneyText = (money: Money) => formatMoney(money);

/** Said under a list that goes on. */
export const moreText = (nextCursor: string | null) => (nextCursor ? `\n\nThere is more: --cursor ${nextCursor}` : "");

export const jsonText = (value: unknown) => JSON.stringify(value, null, 2);
