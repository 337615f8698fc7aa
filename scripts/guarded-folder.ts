// A folder for processes that must not outlive the one that started them, however that one ends.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import type { ProductProcess } from "../../scripts/product-process.ts";

/** Its input ends when the test process does, whatever ended that: then the nodes and their folder go too. */
const watchdog =
	'cat >/dev/null; for f in "$1"/pids/*; do [ -f "$f" ] && kill -9 "$(basename "$f")" 2>/dev/null; done; sleep 0.2; rm -rf "$1"';

/** A temporary folder whose processes do not outlive this one. */
export class GuardedFolder {
	readonly path = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-cluster-"));
	readonly #pids = path.join(this.path, "pids");
	readonly #watchdog: ChildProcess;

	constructor() {
		fs.mkdirSync(this.#pids);
		this.#watchdog = spawn("sh", ["-c", watchdog, "sh", this.path], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
		this.#watchdog.unref();
		(this.#watchdog.stdin as net.Socket).unref();
	}

	guard({ pid, ended }: ProductProcess) {
		const file = path.join(this.#pids, String(pid));
		fs.writeFileSync(file, "");
		// The system may give the number to another process.
		void ended.then(() => fs.rmSync(file, { force: true }));
	}

	async remove() {
		if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
		const gone = new Promise<void>(resolve => this.#watchdog.once("exit", () => resolve()));
		this.#watchdog.ref();
		this.#watchdog.stdin!.end();
		await gone;
	}
}
