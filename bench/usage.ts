import { readdirSync, readFileSync, statfsSync } from "node:fs";
import os from "node:os";

/** A process whose share of the machine is told beside the figures. */
export interface WatchedProcess {
	name: string;
	role: "product" | "server";
	pid: number;
}

export interface Usage {
	residentMb: number;
	peakMb: number;
	cpuMs: number;
}

/** Memory and CPU time of a process and its children; undefined where there is no /proc to ask. */
export function usageOf(pid: number): Usage | undefined {
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
		const own = { residentMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM"), cpuMs: cpuMs(readFileSync(`/proc/${pid}/stat`, "utf8")) };
		return childrenOf(pid).reduce((sum, child) => plus(sum, usageOf(child)), own);
	} catch {
		return undefined;
	}
}

/** Of the product's processes together; undefined when nothing is known of any. */
export function productUsage(processes: readonly WatchedProcess[]): Usage | undefined {
	return processes
		.filter(({ role }) => role === "product")
		.map(({ pid }) => usageOf(pid))
		.reduce((sum, usage) => (sum ? plus(sum, usage) : usage), undefined);
}

/** A process that ended meanwhile adds nothing. */
function plus(sum: Usage, usage: Usage | undefined): Usage {
	if (!usage) return sum;
	return { residentMb: sum.residentMb + usage.residentMb, peakMb: sum.peakMb + usage.peakMb, cpuMs: sum.cpuMs + usage.cpuMs };
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

export interface Cores {
	name: string;
	role: WatchedProcess["role"] | "generator" | "others";
	/** Kept busy on average: CPU time per second. */
	cores: number;
}

/**
 * Notes the CPU time of the processes, of this one and of the whole machine; the answer says, when it is asked, what they used since. What remains is
 * the others': figures that were taken beside a busy neighbour show it.
 */
export function watchCores(processes: readonly WatchedProcess[]): (seconds: number) => Cores[] {
	const before = processes.map(({ pid }) => usageOf(pid)?.cpuMs);
	const own = process.cpuUsage();
	const machineBefore = machineMs();
	return seconds => {
		const { user, system } = process.cpuUsage(own);
		const watched = processes.flatMap(({ name, role, pid }, at): Cores[] => {
			const [from, to] = [before[at], usageOf(pid)?.cpuMs];
			return from === undefined || to === undefined ? [] : [{ name, role, cores: (to - from) / 1000 / seconds }];
		});
		const known: Cores[] = [...watched, { name: "bench", role: "generator", cores: (user + system) / 1e6 / seconds }];
		const all = (machineMs() - machineBefore) / 1000 / seconds;
		return [...known, { name: "others", role: "others", cores: Math.max(0, all - known.reduce((sum, { cores }) => sum + cores, 0)) }];
	};
}

/** CPU time that the machine has spent on anything. */
function machineMs(): number {
	return os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

/** On a folder in memory a synced write costs nothing, and the figures would be those of a machine that forgets. */
export function warnOfMemory(folder: string): void {
	const tmpfs = 0x01021994;
	if (statfsSync(folder).type === tmpfs)
		console.error(`${folder} is in memory: synced writes cost nothing there. Choose a disk with --data-dir.`);
}
