// Named crash points: a test kills the process at each and starts it again. Outside test builds every point is an empty call.

export interface CrashPoints {
	/** Passes a named point; ends the process with SIGKILL when the environment asked for it here. */
	at(point: string): void;
}

/** `CRASH_AT=point[:n]`: dies at the n-th passing (default the first). Names hold no colon followed by digits at their end. */
export function crashPoints(crashAt: string | undefined): CrashPoints {
	if (!crashAt) return { at: () => undefined };
	const [, point, count] = /^(.*?)(?::(\d+))?$/.exec(crashAt) as unknown as [string, string, string | undefined];
	let left = Number(count ?? 1);
	return {
		at: passed => {
			if (passed === point && --left === 0) process.kill(process.pid, "SIGKILL");
		},
	};
}
