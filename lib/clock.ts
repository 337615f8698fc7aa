/** Time is handed in, so that every case can be tried at a desk. Milliseconds since 1970, UTC. */
export interface Clock {
	now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock for tests: it stands until it is moved. */
export function handClock(start = Date.UTC(2026, 0, 5, 9)): Clock & { move(ms: number): void } {
	let now = start;
	return {
		now: () => now,
		move: ms => {
			now += ms;
		},
	};
}

/** RFC 3339 in UTC with milliseconds, the only form in which a time leaves a service. */
export const rfc3339 = (ms: number) => new Date(ms).toISOString();
