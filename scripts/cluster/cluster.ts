// The nodes of a local cluster as child processes: started side by side, told when one dies, stopped in order.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GuardedFolder } from "../guarded-folder.ts";
import { type Ending, isReady } from "../product-process.ts";
import type { MergedLog } from "./merged-log.ts";
import type { PlannedNode } from "./plan.ts";

const start = path.resolve(import.meta.dirname, "../start.ts");
const lookEveryMs = 100;
const remindEveryMs = 15_000;
// Requests have 10 s to end, calls as many; a node that takes longer hangs.
const stopWithinMs = 30_000;

interface Running {
	plan: PlannedNode;
	child: ChildProcess;
	ended: Promise<Ending>;
	ending: Ending | undefined;
	ready: boolean;
}

const wayOfEnding = ({ code, signal }: Ending) => signal ?? (code === 0 ? "in order" : `exit code ${code}`);

// While they start, nodes miss each other for moments: the progress says the same with fewer words.
const missesAnother = /WARN +broker: Service '[^']+' is not (registered|available)\.$/;

export class Cluster {
	readonly #log: MergedLog;
	readonly #nodes: Running[];
	readonly #guard = new GuardedFolder("TERM");
	readonly #began = performance.now();
	#phase: "starting" | "running" | "stopping" = "starting";
	/** Resolves when no node is left. */
	readonly ended: Promise<void>;

	constructor(plans: readonly PlannedNode[], env: NodeJS.ProcessEnv, log: MergedLog) {
		this.#log = log;
		this.#nodes = plans.map(plan => this.#start(plan, env));
		this.ended = Promise.all(this.#nodes.map(({ ended }) => ended)).then(() => undefined);
	}

	#start(plan: PlannedNode, env: NodeJS.ProcessEnv): Running {
		// A group of its own: Ctrl-C at the terminal is for the cluster, which then stops the nodes in order.
		const options = { env: { ...env, ...plan.env }, detached: true, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
		const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", start], options);
		const isNews = (line: string) => this.#phase !== "starting" || !missesAnother.test(line);
		this.#log.follow(plan.name, child.stdout, isNews);
		this.#log.follow(plan.name, child.stderr, isNews);
		const node: Running = {
			plan,
			child,
			ready: false,
			ending: undefined,
			ended: once(child, "exit").then(([code, signal]) => {
				node.ending = { code, signal };
				this.#tell(node, node.ending);
				return node.ending;
			}),
		};
		this.#guard.guard({ pid: child.pid!, ended: node.ended });
		return node;
	}

	#tell({ plan, child }: Running, ending: Ending): void {
		const way = wayOfEnding(ending);
		const again = Object.entries(plan.env).map(([name, value]) => `${name}=${value}`);
		const sentences = {
			starting: `${plan.name} did not start (${way}).`,
			running: `${plan.name} (pid ${child.pid}) has ended: ${way}. Start it again: ${again.join(" ")} npm start`,
			stopping: `${plan.name} has stopped${ending.code === 0 ? "" : ` (${way})`}.`,
		};
		this.#log.say(sentences[this.#phase]);
	}

	/** Resolves when all are ready, telling each; false when one ended before, or the cluster was stopped meanwhile. */
	async ready(): Promise<boolean> {
		let remindAt = performance.now() + remindEveryMs;
		for (;;) {
			if (this.#phase === "stopping" || this.#nodes.some(({ ending }) => ending)) return false;
			const waiting = this.#nodes.filter(({ ready }) => !ready);
			if (waiting.length === 0) break;
			await Promise.all(waiting.map(node => this.#look(node)));
			if (performance.now() > remindAt) {
				remindAt += remindEveryMs;
				const names = this.#nodes.filter(({ ready }) => !ready).map(({ plan }) => plan.name);
				if (names.length > 0) this.#log.say(`still waiting for ${names.join(", ")}`);
			}
			await sleep(lookEveryMs);
		}
		this.#phase = "running";
		return true;
	}

	async #look(node: Running): Promise<void> {
		if (!(await isReady(`http://127.0.0.1:${node.plan.opsPort}`)) || node.ending) return;
		node.ready = true;
		const ready = this.#nodes.filter(each => each.ready).length;
		const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
		this.#log.say(`${node.plan.name} is ready (${ready} of ${this.#nodes.length}, ${seconds} s)`);
	}

	/** Of each node that runs. */
	pidOf(name: string): number | undefined {
		return this.#nodes.find(({ plan, ending }) => plan.name === name && !ending)?.child.pid;
	}

	/** SIGTERM: gateways first, so that requests under way still find everyone at home. True when all ended in order. */
	async stop(): Promise<boolean> {
		const running = this.#nodes.filter(({ ending }) => !ending);
		this.#phase = "stopping";
		await Promise.all(running.filter(({ plan }) => plan.port !== undefined).map(node => this.#stopNode(node)));
		await Promise.all(running.map(node => this.#stopNode(node)));
		await this.#guard.remove();
		return running.every(({ ending }) => ending?.code === 0);
	}

	async #stopNode({ plan, child, ended, ending }: Running): Promise<void> {
		if (ending) return;
		child.kill("SIGTERM");
		const late = setTimeout(() => {
			this.#log.say(`${plan.name} did not stop within ${stopWithinMs / 1000} s; it is killed.`);
			child.kill("SIGKILL");
		}, stopWithinMs);
		await ended;
		clearTimeout(late);
	}

	kill(): void {
		for (const { child } of this.#nodes) child.kill("SIGKILL");
	}
}
