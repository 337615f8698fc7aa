// The product as a process of its own, as `npm start` runs it: for the benchmark, and for tests that kill, pause and restart it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

export interface Ending {
	code: number | null;
	signal: NodeJS.Signals | null;
}

export interface Ports {
	/** Of the gateway, where this process runs it. */
	port: number;
	opsPort: number;
}

export interface ProductProcess {
	/** The gateway's address, where this process runs it. */
	url: string;
	/** The operations port's. */
	opsUrl: string;
	pid: number;
	/** How it ended, whoever ended it. */
	ended: Promise<Ending>;
	/** Resolves at the first ready answer with the milliseconds since the spawn. Rejects with the last lines of the log when the process ends before. */
	ready(): Promise<number>;
	/** What it has printed so far. */
	log(): string;
	/** As an operator would: SIGTERM, and patience. */
	stop(): Promise<Ending>;
	kill(): Promise<Ending>;
	/** SIGSTOP: its connections stay open and nothing answers. */
	pause(): void;
	resume(): void;
}

export interface Launch {
	dataDir: string;
	/** Appended to. */
	logFile: string;
	/** Settings, `SERVICES` among them. Those of the shell do not reach the product. */
	env?: Record<string, string>;
	/** Those of an earlier start; its own free ones when left out. */
	ports?: Ports;
}

const root = path.resolve(import.meta.dirname, "..");
// Several nodes that start together on a busy machine take their time.
const readyWithinMs = 120_000;
const stoppedWithinMs = 20_000;

const running = new Set<ChildProcess>();
// Should whoever started it fail, nothing of it keeps running.
process.once("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});

/** What a shell happens to have set must not reach the product. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	const isSetting = (name: string) => /^(STOA_|CRASH_AT$|SERVICES$|NODE_ENV$|NODE_OPTIONS$)/.test(name);
	return Object.fromEntries(Object.entries(env).filter(([name]) => !isSetting(name)));
}

export const freePorts = async (): Promise<Ports> => ({ port: await freePort(), opsPort: await freePort() });

/** Starts the product over a data folder, on ports of its own, with the log in a file. Returns at once: see `ready`. */
export async function launchProduct({ dataDir, logFile, env: settings, ports }: Launch): Promise<ProductProcess> {
	const { port, opsPort } = ports ?? (await freePorts());
	const fixed = { STOA_DATA_DIR: dataDir, STOA_PORT: String(port), STOA_OPS_PORT: String(opsPort) };
	const env = { ...withoutSettings(process.env), ...fixed, ...settings };
	mkdirSync(path.dirname(logFile), { recursive: true });
	const log = openSync(logFile, "a");
	const began = performance.now();
	const command = ["--disable-warning=ExperimentalWarning", path.join(root, "scripts", "start.ts")];
	const child = spawn(process.execPath, command, { cwd: root, env, stdio: ["ignore", log, log] });
	closeSync(log);
	running.add(child);
	const ended = once(child, "exit").then(([code, signal]): Ending => {
		running.delete(child);
		return { code, signal };
	});
	const opsUrl = `http://127.0.0.1:${opsPort}`;
	const printed = () => readFileSync(logFile, "utf8");
	const stopWith = (signal: NodeJS.Signals) => {
		child.kill(signal);
		return ended;
	};
	return {
		url: `http://127.0.0.1:${port}`,
		opsUrl,
		pid: child.pid!,
		ended,
		log: printed,
		async ready() {
			const problem = await untilReady(opsUrl, child);
			if (problem) throw new Error(`${problem} Its last words:\n${printed().slice(-2000)}`);
			return performance.now() - began;
		},
		async stop() {
			child.kill("SIGCONT"); // a paused process would never see the SIGTERM
			const late = setTimeout(() => {
				console.error(`The product did not stop within ${stoppedWithinMs / 1000} s of SIGTERM; it was killed.`);
				child.kill("SIGKILL");
			}, stoppedWithinMs);
			const ending = await stopWith("SIGTERM");
			clearTimeout(late);
			return ending;
		},
		kill: () => stopWith("SIGKILL"),
		pause: () => void child.kill("SIGSTOP"),
		resume: () => void child.kill("SIGCONT"),
	};
}

/** Undefined when it is ready, or why it is not. */
async function untilReady(opsUrl: string, child: ChildProcess): Promise<string | undefined> {
	for (const began = performance.now(); performance.now() - began < readyWithinMs; await sleep(10)) {
		if (child.exitCode !== null || child.signalCode !== null) return "The product ended before it was ready.";
		if (await isReady(opsUrl)) return undefined;
	}
	return `The product was not ready within ${readyWithinMs / 1000} s.`;
}

/** Whether the node behind an operations port can do its work. */
export async function isReady(opsUrl: string): Promise<boolean> {
	// Refused until it listens; a process that is paused takes the connection and says nothing.
	const answer = await fetch(`${opsUrl}/readyz`, { signal: AbortSignal.timeout(3000) }).catch(() => undefined);
	await answer?.body?.cancel();
	return answer?.status === 200;
}
