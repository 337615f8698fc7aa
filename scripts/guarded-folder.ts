// A temporary folder for processes that must not outlive the one that started them, however that one ends.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";

/** What is guarded: a number, and when it is the system's again. */
interface Guarded {
	pid: number;
	ended: Promise<unknown>;
}

/** Its input ends when the guarded process does, whatever ended that: then those it started and their folder go too. */
const watchdog =
	'cat >/dev/null; for f in "$1"/pids/*; do [ -f "$f" ] && kill -s "$2" "$(basename "$f")" 2>/dev/null; done; sleep 0.2; rm -rf "$1"';

export class GuardedFolder {
	readonly path = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-cluster-"));
	readonly #pids = path.join(this.path, "pids");
	readonly #watchdog: ChildProcess;

	/** `signal` ends what was left behind. */
	constructor(signal: "KILL" | "TERM") {
		fs.mkdirSync(this.#pids);
		this.#watchdog = spawn("sh", ["-c", watchdog, "sh", this.path, signal], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
		// Where there is no shell, nothing is guarded.
		this.#watchdog.on("error", () => undefined);
		this.#watchdog.unref();
		(this.#watchdog.stdin as net.Socket).unref();
	}

	guard({ pid, ended }: Guarded) {
		const file = path.join(this.#pids, String(pid));
		fs.writeFileSync(file, "");
		// The system may give the number to another process.
		void ended.then(() => fs.rmSync(file, { force: true }));
	}

	async remove() {
		if (this.#watchdog.pid === undefined || this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
		const gone = new Promise<void>(resolve => this.#watchdog.once("exit", () => resolve()));
		this.#watchdog.ref();
		this.#watchdog.stdin!.end();
		await gone;
	}
}
