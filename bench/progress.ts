import cliProgress from "cli-progress";

export interface Progress {
	/** A new phase, and how many seconds it will take. */
	phase(title: string, seconds: number): void;
	done(): void;
}

/** A bar that moves on a terminal; elsewhere a line at the beginning of each phase. On standard error, so that figures can be piped. */
export function showProgress(totalSeconds: number, stream: NodeJS.WriteStream = process.stderr): Progress {
	if (!stream.isTTY) return { phase: title => void stream.write(`${title}\n`), done: () => undefined };

	const bar = new cliProgress.SingleBar({ stream, clearOnComplete: true, format: "{bar} {percentage} % · about {left} s left · {title}" });
	bar.start(totalSeconds, 0, { title: "starting", left: Math.ceil(totalSeconds) });
	let finished = 0;
	let timer: NodeJS.Timeout | undefined;
	let current = { title: "", began: 0, seconds: 0 };
	const show = () => {
		const elapsed = finished + Math.min(current.seconds, (performance.now() - current.began) / 1000);
		bar.update(Math.min(totalSeconds, elapsed), { title: current.title, left: Math.max(0, Math.ceil(totalSeconds - elapsed)) });
	};
	return {
		phase(title, seconds) {
			finished += current.seconds;
			current = { title, began: performance.now(), seconds };
			timer ??= setInterval(show, 500).unref();
			show();
		},
		done() {
			clearInterval(timer);
			bar.stop();
		},
	};
}
