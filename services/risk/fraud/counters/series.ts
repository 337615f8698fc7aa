// What is kept of one thing that is counted: enough newest times to answer "at least so many in this window", and never more than a bound.

/** How often in all, and the newest times, sorted. */
export interface Times {
	n: number;
	at: number[];
}

/** Different values, each with its newest time, sorted by it. There are as many as were ever seen, up to the bound. */
export interface Values {
	keys: string[];
	at: number[];
}

/** The time of what counts for life only: no window reaches back to it. */
export const inNoWindow = 0;

/** How many of the sorted times are not newer than `at`; so it is also where `at` belongs. */
export function notNewer(sorted: readonly number[], at: number): number {
	let high = sorted.length;
	// Nearly everything comes in order.
	if (high === 0 || sorted[high - 1]! <= at) return high;
	let low = 0;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (sorted[middle]! <= at) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** How many lie in a window that begins after `from` and ends with the newest. */
export const newerThan = (sorted: readonly number[], from: number) => sorted.length - notNewer(sorted, from);

/** Counts once more; of the times the oldest goes when there are more than `cap`. */
export function addTime(times: Times, at: number, cap: number): void {
	times.n++;
	if (at === inNoWindow) return;
	insert(times.at, notNewer(times.at, at), at);
	while (times.at.length > cap) times.at.shift();
}

/** Notes that a value was seen; an older sighting changes nothing. The value that was not seen for longest goes when there are more than `cap`. */
export function addValue(values: Values, value: string, at: number, cap: number): void {
	const { keys, at: times } = values;
	const known = keys.indexOf(value);
	if (known >= 0) {
		if (times[known]! >= at) return;
		keys.splice(known, 1);
		times.splice(known, 1);
	}
	const place = notNewer(times, at);
	insert(keys, place, value);
	insert(times, place, at);
	while (keys.length > cap) {
		keys.shift();
		times.shift();
	}
}

function insert<T>(list: T[], place: number, item: T): void {
	if (place === list.length) list.push(item);
	else list.splice(place, 0, item);
}
