// The product as a process of its own, as `npm start` runs it: for the benchmark, and for tests that kill it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Ending {
	code: number | null;
	signal: NodeJS.Signals | null;
}

export interface ProductProcess {
	url: string;
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
}

const root = path.resolve(import.meta.dirname, "..");
const readyWithinMs = 60_000;
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

/** Starts the product over a data folder, on ports of its own, with the log in a file. Returns at once: see `ready`. */
export async function launchProduct(given: { dataDir: string; logFile: string; env?: Record<string, string> }): Promise<ProductProcess> {
	const port = await freePort();
	const ports = { STOA_PORT: String(port), STOA_OPS_PORT: String(await freePort()) };
	const env = { ...withoutSettings(process.env), STOA_DATA_DIR: given.dataDir, ...ports, ...given.env };
	mkdirSync(path.dirname(given.logFile), { recursive: true });
	const log = openSync(given.logFile, "a");
	const began = performance.now();
	const command = ["--disable-warning=ExperimentalWarning", path.join(root, "scripts", "start.ts")];
	const child = spawn(process.execPath, command, { cwd: root, env, stdio: ["ignore", log, log] });
	running.add(child);
	const ended = once(child, "exit").then(([code, signal]): Ending => {
		running.delete(child);
		return { code, signal };
	});
	const url = `http://127.0.0.1:${port}`;
	const printed = () => readFileSync(given.logFile, "utf8");
	const stopWith = (signal: NodeJS.Signals) => {
		child.kill(signal);
		return ended;
	};
	return {
		url,
		pid: child.pid!,
		ended,
		log: printed,
		async ready() {
			const problem = await untilReady(url, child);
			if (problem) throw new Error(`${problem} Its last words:\n${printed().slice(-2000)}`);
			return performance.now() - began;
		},
		async stop() {
			const late = setTimeout(() => {
				console.error(`The product did not stop within ${stoppedWithinMs / 1000} s of SIGTERM; it was killed.`);
				child.kill("SIGKILL");
			}, stoppedWithinMs);
			const ending = await stopWith("SIGTERM");
			clearTimeout(late);
			return ending;
		},
		kill: () => stopWith("SIGKILL"),
	};
}

/** Undefined when it is ready, or why it is not. */
async function untilReady(url: string, child: ChildProcess): Promise<string | undefined> {
	for (const began = performance.now(); performance.now() - began < readyWithinMs; await sleep(10)) {
		if (child.exitCode !== null || child.signalCode !== null) return "The product ended before it was ready.";
		const answer = await fetch(`${url}/readyz`).catch(() => undefined); // refused until it listens
		await answer?.body?.cancel();
		if (answer?.status === 200) return undefined;
	}
	return `The product was not ready within ${readyWithinMs / 1000} s.`;
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	server.close();
	await once(server, "close");
	if (typeof address !== "object" || !address) throw new Error("The system gave no port.");
	return address.port;
}
