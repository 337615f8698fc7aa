// One server process of a suite: a free port, a folder of its own, started until it answers, and never left behind.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../scripts/free-port.ts";

export interface TestServer {
	readonly url: string;
	readonly host: string;
	readonly port: number;
	/** Undefined while it does not run. */
	readonly pid: number | undefined;
	/** Its data, settings and log. */
	readonly folder: string;
	/** PEM of the authority that signed its certificate, when it speaks TLS only. */
	readonly caFile: string | undefined;
	/** SIGTERM, and patience. Port and data are kept for `restart`. */
	stop(): Promise<void>;
	/** SIGKILL. */
	kill(): Promise<void>;
	/** SIGSTOP: connections stay open and nothing answers. */
	pause(): void;
	resume(): void;
	/** Ends what runs, and starts again on the same port: on the same data, or (`wipe`) on none. Resolves when it answers. */
	restart(options?: { wipe?: boolean }): Promise<void>;
	/** Kills it and deletes its folder. */
	remove(): Promise<void>;
	/** What it has printed since its first start. */
	log(): string;
}

export interface Place {
	folder: string;
	/** Exists and is empty before the first start; the only thing that `wipe` empties. */
	data: string;
	port: number;
}

/** How one engine is started. */
export interface Recipe {
	command(place: Place): string[];
	/** Fills what must stand on an empty data folder. */
	prepare?(place: Place): Promise<void> | void;
	url(port: number): string;
	/** What to say to it (nothing: it greets by itself), and what a server that is ready says. */
	ready: { say?: string; hear?: RegExp };
	caFile?(place: Place): string | undefined;
	environment?: Record<string, string>;
}

const host = "127.0.0.1";
const readyWithinMs = 60_000;
const stoppedWithinMs = 20_000;
const portAttempts = 5;

/** Its input ends when the test process does, whatever ended it: then the server and its folder go too. */
const watchdog = 'cat >/dev/null; [ -f "$1/pid" ] && kill -9 "$(cat "$1/pid")" 2>/dev/null; sleep 0.2; rm -rf "$1"';

export async function runServer(name: string, recipe: Recipe): Promise<TestServer> {
	for (let attempt = 1; ; attempt++) {
		const server = new Server(name, recipe, await freePort());
		try {
			await server.restart();
			return server;
		} catch (error) {
			await server.remove();
			// Another process was quicker to the port.
			if (attempt === portAttempts || !/address already in use|EADDRINUSE/i.test(String(error))) throw error;
		}
	}
}

class Server implements TestServer {
	readonly host = host;
	readonly port: number;
	readonly folder: string;
	readonly #name: string;
	readonly #recipe: Recipe;
	readonly #guard: ChildProcess;
	#running: { child: ChildProcess; ended: Promise<void> } | undefined;

	constructor(name: string, recipe: Recipe, port: number) {
		this.port = port;
		this.#name = name;
		this.#recipe = recipe;
		this.folder = fs.mkdtempSync(path.join(os.tmpdir(), `stoa-${name}-`));
		fs.mkdirSync(this.#place.data);
		this.#guard = spawn("sh", ["-c", watchdog, "sh", this.folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
		this.#guard.unref();
		(this.#guard.stdin as net.Socket).unref();
	}

	get #place(): Place {
		return { folder: this.folder, data: path.join(this.folder, "data"), port: this.port };
	}

	get url() {
		return this.#recipe.url(this.port);
	}

	get pid() {
		return this.#running?.child.pid;
	}

	get caFile() {
		return this.#recipe.caFile?.(this.#place);
	}

	log() {
		const file = path.join(this.folder, "log");
		return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
	}

	pause() {
		this.#running?.child.kill("SIGSTOP");
	}

	resume() {
		this.#running?.child.kill("SIGCONT");
	}

	async kill() {
		this.#running?.child.kill("SIGKILL");
		await this.#end();
	}

	async stop() {
		const running = this.#running;
		if (!running) return;
		this.resume(); // a paused process would never see the SIGTERM
		running.child.kill("SIGTERM");
		const late = setTimeout(() => running.child.kill("SIGKILL"), stoppedWithinMs);
		await this.#end();
		clearTimeout(late);
	}

	/** A server that runs does not keep the program alive; one whose end is awaited does. */
	async #end() {
		this.#running?.child.ref();
		await this.#running?.ended;
	}

	async restart({ wipe = false } = {}) {
		await this.stop();
		const { data } = this.#place;
		if (wipe) fs.rmSync(data, { recursive: true, force: true });
		fs.mkdirSync(data, { recursive: true });
		if (fs.readdirSync(data).length === 0) await this.#recipe.prepare?.(this.#place);
		await this.#start();
	}

	async remove() {
		await this.kill();
		const gone = new Promise<void>(resolve => this.#guard.once("exit", () => resolve()));
		this.#guard.ref();
		if (this.#guard.exitCode !== null || this.#guard.signalCode !== null) return;
		this.#guard.stdin!.end();
		await gone;
	}

	async #start() {
		const [program = "", ...args] = this.#recipe.command(this.#place);
		const log = fs.openSync(path.join(this.folder, "log"), "a");
		const env = { ...process.env, ...this.#recipe.environment };
		// Detached: Ctrl+C is for the tests, and the watchdog ends the servers after them.
		const child = spawn(program, args, { cwd: this.folder, env, detached: true, stdio: ["ignore", log, log] });
		fs.closeSync(log);
		const pidFile = path.join(this.folder, "pid");
		if (child.pid !== undefined) fs.writeFileSync(pidFile, String(child.pid));
		child.unref();
		const ended = new Promise<void>(resolve => {
			const end = () => {
				if (this.#running?.child === child) this.#running = undefined;
				fs.rmSync(pidFile, { force: true }); // the system may give the number to another process
				resolve();
			};
			child.once("exit", end);
			child.once("error", end);
		});
		this.#running = { child, ended };
		await this.#untilReady(child);
	}

	async #untilReady(child: ChildProcess) {
		const problem = (what: string) => new Error(`${this.#name} ${what} Its last words:\n${this.log().slice(-2000)}`);
		for (const began = performance.now(); performance.now() - began < readyWithinMs; await sleep(25)) {
			if (this.#running?.child !== child) throw problem("ended before it answered.");
			if (await answers(this.port, this.#recipe.ready)) return;
		}
		await this.kill();
		throw problem(`did not answer within ${readyWithinMs / 1000} s.`);
	}
}

function answers(port: number, { say, hear }: Recipe["ready"]): Promise<boolean> {
	return new Promise(resolve => {
		const socket = net.connect({ host, port });
		let heard = "";
		const settle = (answer: boolean) => {
			socket.destroy();
			resolve(answer);
		};
		socket.setTimeout(1_000, () => settle(false));
		socket.once("error", () => settle(false));
		socket.once("close", () => settle(false));
		socket.once("connect", () => {
			if (!hear) settle(true);
			else if (say) socket.write(say);
		});
		socket.on("data", chunk => {
			heard += chunk.toString("latin1");
			if (hear?.test(heard)) settle(true);
		});
	});
}
