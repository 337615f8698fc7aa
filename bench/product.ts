import { readdirSync, readFileSync, statfsSync } from "node:fs";
import path from "node:path";
import { launchProduct, type ProductProcess } from "../scripts/product-process.ts";
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

const running = new Set<ProductProcess>();

/** The product as `npm start` runs it, with its defaults, except for where it keeps its data and that nobody is limited. */
export async function startProduct(dataDir: string, durability: Durability, administrator: Administrator): Promise<RunningProduct> {
	const env = {
		STOA_RATE_LIMITS: "off",
		STOA_DURABILITY: durability,
		STOA_ADMIN_EMAIL: administrator.email,
		STOA_ADMIN_PASSWORD: administrator.password,
	};
	const product = await launchProduct({ dataDir: path.join(dataDir, "data"), logFile: path.join(dataDir, "product.log"), env });
	running.add(product);
	void product.ended.then(() => running.delete(product));
	try {
		return { url: product.url, startMs: await product.ready(), pid: product.pid };
	} catch (error) {
		await product.stop();
		throw error;
	}
}

export async function stopProducts(): Promise<void> {
	await Promise.all([...running].map(product => product.stop()));
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
