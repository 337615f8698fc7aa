/** Something that was set up for a run and must not be left behind. */
export interface Place {
	remove(): Promise<void>;
}

/**
 * Sets up, works and clears away: also when the work fails, and when somebody interrupts it, be it in the middle of setting up. `setUp` clears away
 * by itself what it had begun when it rejects. A second Ctrl-C ends at once; what was started has watchdogs of its own then.
 */
export async function withPlace<P extends Place, Result>(setUp: () => Promise<P>, work: (place: P) => Promise<Result>): Promise<Result> {
	const setting = setUp();
	let removing: Promise<void> | undefined;
	const remove = () => {
		removing ??= setting.then(
			place => place.remove(),
			() => undefined,
		);
		return removing;
	};
	const interrupted = () => {
		console.error("\ninterrupted: stopping what was started");
		void remove()
			.catch(error => console.error(error))
			.finally(() => process.exit(130));
	};
	process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
	try {
		return await work(await setting);
	} finally {
		await remove();
		process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
	}
}
