import cliProgress from "cli-progress";

export interface Progress {
	show(done: number): void;
	end(): void;
}

/** A bar with an estimate on a terminal, a plain line every fifth otherwise. On standard error, so that what is made or found can be piped. */
export function showProgress(what: string, unit: string, total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
	if (stream.isTTY) {
		const format = `${what} [{bar}] {value}/{total} ${unit}  {eta_formatted} left`;
		const bar = new cliProgress.SingleBar({ stream, format, hideCursor: true, clearOnComplete: true }, cliProgress.Presets.shades_classic);
		bar.start(total, 0);
		return { show: done => bar.update(done), end: () => bar.stop() };
	}
	let shown = 0;
	return {
		show(done) {
			if (done < total && done - shown < total / 5) return;
			if (done === shown) return;
			shown = done;
			stream.write(`${what}: ${done} of ${total} ${unit}\n`);
		},
		end: () => undefined,
	};
}
