import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Administrator } from "./scenarios.ts";

export type Durability = "full" | "process";

export interface RunningProduct {
	url: string;
	/** From the spawn to the first ready answer. */
	startMs: number;
	pid: number;
}

export interface Usage {
	residentMb: number;
	peakMb: number;
	cpuMs: number;
}

const root = path.resolve(import.meta.dirname, "..");
const readyWithinMs = 60_000;
const stoppedWithinMs = 20_000;

const running = new Set<ChildProcess>();
// Should the benchmark itself fail, nothing of it keeps running.
process.once("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});

/** The product as `npm start` runs it, with its defaults, except for where it keeps its data and that nobody is limited. */
export async function startProduct(dataDir: string, durability: Durability, administrator: Administrator): Promise<RunningProduct> {
	const port = await freePort();
	const env = {
		...withoutSettings(process.env),
		STOA_DATA_DIR: path.join(dataDir, "data"),
		STOA_PORT: String(port),
		STOA_OPS_PORT: String(await freePort()),
		STOA_RATE_LIMITS: "off",
		STOA_DURABILITY: durability,
		STOA_ADMIN_EMAIL: administrator.email,
		STOA_ADMIN_PASSWORD: administrator.password,
	};
	const logFile = path.join(dataDir, "product.log");
	const log = openSync(logFile, "a");
	const began = performance.now();
	const child = spawn(process.execPath, [path.join(root, "scripts", "start.ts")], { cwd: root, env, stdio: ["ignore", log, log] });
	running.add(child);
	child.once("exit", () => running.delete(child));
	const url = `http://127.0.0.1:${port}`;
	try {
		await ready(url, child);
	} catch (error) {
		await stop(child);
		throw new Error(`${(error as Error).message}\n${readFileSync(logFile, "utf8").slice(-2000)}`);
	}
	return { url, startMs: performance.now() - began, pid: child.pid! };
}

/** As an operator would: SIGTERM, and patience. */
export async function stopProducts(): Promise<void> {
	await Promise.all([...running].map(stop));
}

async function ready(url: string, child: ChildProcess): Promise<void> {
	for (const began = performance.now(); performance.now() - began < readyWithinMs; await sleep(10)) {
		if (child.exitCode !== null || child.signalCode !== null) throw new Error("The product ended before it was ready. Its last words:");
		const answer = await fetch(`${url}/readyz`).catch(() => undefined); // refused until it listens
		await answer?.body?.cancel();
		if (answer?.status === 200) return;
	}
	throw new Error(`The product was not ready within ${readyWithinMs / 1000} s. Its last words:`);
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, "exit");
	child.kill("SIGTERM");
	const late = setTimeout(() => {
		console.error(`The product did not stop within ${stoppedWithinMs / 1000} s of SIGTERM; it was killed.`);
		child.kill("SIGKILL");
	}, stoppedWithinMs);
	await ended;
	clearTimeout(late);
}

/** What a shell happens to have set must not change the figures. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	const isSetting = (name: string) => /^(STOA_|CRASH_AT$|SERVICES$|NODE_ENV$|NODE_OPTIONS$)/.test(name);
	return Object.fromEntries(Object.entries(env).filter(([name]) => !isSetting(name)));
}

/** Memory and CPU time of a process and its children; undefined where there is no /proc to ask. */
export function usageOf(pid: number): Usage | undefined {
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
		const own = { residentMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM"), cpuMs: cpuMs(readFileSync(`/proc/${pid}/stat`, "utf8")) };
		return childrenOf(pid).reduce((sum, child) => {
			const usage = usageOf(child); // undefined when it ended meanwhile
			return usage
				? { residentMb: sum.residentMb + usage.residentMb, peakMb: sum.peakMb + usage.peakMb, cpuMs: sum.cpuMs + usage.cpuMs }
				: sum;
		}, own);
	} catch {
		return undefined;
	}
}

/** User and system time, fields 14 and 15 counted from behind the name, which may hold spaces. The kernel reports in hundredths of a second. */
function cpuMs(stat: string): number {
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

function childrenOf(pid: number): number[] {
	return readdirSync(`/proc/${pid}/task`).flatMap(thread =>
		readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
	);
}

/** On a folder in memory a synced write costs nothing, and the figures for `full` would be those of `process`. */
export function isInMemory(folder: string): boolean {
	const tmpfs = 0x01021994;
	return statfsSync(folder).type === tmpfs;
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
