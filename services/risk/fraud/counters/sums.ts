// What amounts add up to, in minor units. For life that is one number; a window of one length has a series of its own, in sixtieths of that length, so
// that it costs the same however much lies in it. A sum that no number can hold exactly stays at the largest one that can: it never turns round, and
// whoever reads it knows it as "this much or more".
import { notNewer } from "./series.ts";

/** Of all that ever was. */
export interface Total {
	total: number;
}

/**
 * Of every sixtieth of the window that had something in it: its number, sorted, and its sum. They follow one another from 1970 on, half open as windows
 * are: number n of a window W holds what happened in `((n − 1)·W/60, n·W/60]`.
 */
export interface Sixtieths {
	numbers: number[];
	sums: number[];
}

const parts = 60;
/** A window that begins inside one sixtieth ends inside another. */
export const sixtiethsMax = parts + 1;

const most = Number.MAX_SAFE_INTEGER;
const plus = (one: number, other: number) => Math.min(most, one + other);

export function addToTotal(kept: Total, amount: number): void {
	kept.total = plus(kept.total, amount);
}

/** Adds an amount to the sixtieth it happened in, in whatever order they come. */
export function addToSixtieths(kept: Sixtieths, amount: number, at: number, windowMs: number): void {
	const { numbers, sums } = kept;
	// Exact: both are whole and below 2⁵³, so that no quotient is rounded to a whole number it is not.
	const number = Math.ceil((at * parts) / windowMs);
	const place = notNewer(numbers, number);
	if (numbers[place - 1] === number) sums[place - 1] = plus(sums[place - 1]!, amount);
	else {
		numbers.splice(place, 0, number);
		sums.splice(place, 0, amount);
	}
	const old = notNewer(numbers, numbers[numbers.length - 1]! - sixtiethsMax);
	numbers.splice(0, old);
	sums.splice(0, old);
}

/** What was added after a rule forgot: `forgotten` is the total of then. A total that is full says nothing of what came since, so it stays full. */
export const totalSince = ({ total }: Total, forgotten: number): number => (total === most ? most : Math.max(0, total - forgotten));

/**
 * What lies in the window `(newest − W, newest]`: all sixtieths that end after its beginning. The one it begins in counts whole, so the sum is never less
 * than the exact one of the window, and never more than the exact one of a window that is a sixtieth longer; where the window begins with a sixtieth
 * it is exact.
 */
export function sumWithin({ numbers, sums }: Sixtieths, windowMs: number, newest: number): number {
	let sum = 0;
	for (let place = notNewer(numbers, Math.floor((newest * parts) / windowMs) - parts); place < sums.length; place++)
		sum = plus(sum, sums[place]!);
	return sum;
}
