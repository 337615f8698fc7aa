// The product as a child process on a data folder that outlives it: for tests that kill it and look at what is left.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { attach, type Mesh } from "../../lib/operator-socket.ts";
import { type Ending, launchProduct, type ProductProcess } from "../../scripts/product-process.ts";
import { eventually, type Shop } from "./http.ts";

export const administrator = { email: "admin@stoa.example", password: "the administrator's own" };

export interface Product extends Shop {
	readonly dataDir: string;
	/** Of the present start. */
	readonly pid: number;
	readonly ended: Promise<Ending>;
	/** Starts (again) on the same data and resolves when it is ready. Rejects when it ends before. */
	start(env?: Record<string, string>): Promise<void>;
	/** Starts and resolves at once with `ready`, for a start that may be meant to die. */
	launch(env?: Record<string, string>): Promise<{ ready: Promise<number> }>;
	kill(): Promise<Ending>;
	/** Kills what runs and removes the data. */
	remove(): Promise<void>;
	/** Calls any action of the running process. */
	mesh(): Promise<Mesh>;
	log(): string;
}

/** A product that is not started yet. */
export function aProductProcess(settings: Record<string, string> = {}): Product {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-product-"));
	const dataDir = path.join(folder, "data");
	const logFile = path.join(folder, "product.log");
	let present: ProductProcess | undefined;
	const running = () => {
		if (!present) throw new Error("The product was not started.");
		return present;
	};
	const product: Product = {
		dataDir,
		get url() {
			return running().url;
		},
		get pid() {
			return running().pid;
		},
		get ended() {
			return running().ended;
		},
		async launch(env = {}) {
			const fixed = { STOA_RATE_LIMITS: "off", STOA_ADMIN_EMAIL: administrator.email, STOA_ADMIN_PASSWORD: administrator.password };
			present = await launchProduct({ dataDir, logFile, env: { ...fixed, ...settings, ...env } });
			const ready = present.ready();
			// Whoever does not wait for it has no use for its rejection.
			ready.catch(() => undefined);
			return { ready };
		},
		async start(env) {
			const before = fs.existsSync(logFile) ? product.log().length : 0;
			await (await product.launch(env)).ready;
			// Ready is when it answers; what it makes by itself (administrator, seed) is done when it says so.
			await eventually(
				async () => product.log().slice(before),
				printed => printed.includes("Stoa runs:"),
				30_000,
			);
		},
		kill: () => running().kill(),
		async remove() {
			await present?.kill();
			fs.rmSync(folder, { recursive: true, force: true });
		},
		mesh: () => attach(dataDir),
		log: () => running().log(),
	};
	return product;
}
