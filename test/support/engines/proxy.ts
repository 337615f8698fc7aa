// Slow, cut and half-answered connections: a proxy that stands before a server and does as it is told.
import { Toxiproxy } from "toxiproxy-node-client";
import { freePort } from "../../../scripts/free-port.ts";
import { sharedServer } from "./engines.ts";

/** In the words of toxiproxy: `stream` "upstream" is what the client sends, "downstream" what it is answered. */
export type Toxic =
	| { type: "latency"; stream?: Stream; attributes: { latency: number; jitter?: number } }
	| { type: "bandwidth"; stream?: Stream; attributes: { rate: number } }
	| { type: "slow_close"; stream?: Stream; attributes: { delay: number } }
	/** Nothing gets through; after `timeout` ms the connection is closed (0: never). */
	| { type: "timeout"; stream?: Stream; attributes: { timeout: number } }
	| { type: "reset_peer"; stream?: Stream; attributes: { timeout: number } }
	| { type: "slicer"; stream?: Stream; attributes: { average_size: number; size_variation: number; delay: number } }
	/** The connection is closed after so many bytes: half an answer. */
	| { type: "limit_data"; stream?: Stream; attributes: { bytes: number } };
type Stream = "upstream" | "downstream";

export interface TestProxy {
	readonly host: string;
	readonly port: number;
	/** The URL of the server behind it, with the proxy's address in it. */
	through(url: string): string;
	/** Closes every connection and takes no new one. */
	cut(): Promise<void>;
	restore(): Promise<void>;
	/** Answers how to take it away again. */
	add(toxic: Toxic): Promise<() => Promise<void>>;
	/** Takes every toxic away and restores. */
	heal(): Promise<void>;
	remove(): Promise<void>;
}

/** A proxy before a server, on the run's toxiproxy or on the one whose URL is given. */
export async function startProxy(target: { host: string; port: number }, given?: string): Promise<TestProxy> {
	const client = new Toxiproxy(given ?? (await sharedServer("toxiproxy")));
	const port = await freePort();
	const address = { listen: `127.0.0.1:${port}`, upstream: `${target.host}:${target.port}` };
	const proxy = await client.createProxy({ name: `to-${target.port}-at-${port}`, ...address });
	const toxics = new Set<() => Promise<void>>();
	const restore = async () => {
		await proxy.update({ enabled: true, ...address });
	};
	return {
		host: "127.0.0.1",
		port,
		through: url => url.replace(/^([a-z+]+:\/\/(?:[^@/]*@)?)[^/?]*/, (_, before: string) => `${before}127.0.0.1:${port}`),
		async cut() {
			await proxy.update({ enabled: false, ...address });
		},
		restore,
		async add({ type, stream = "downstream", attributes }) {
			const made = await proxy.addToxic({ name: `${type}-${toxics.size}-${Date.now()}`, type, stream, toxicity: 1, attributes });
			const takeAway = async () => {
				if (toxics.delete(takeAway)) await made.remove();
			};
			toxics.add(takeAway);
			return takeAway;
		},
		async heal() {
			for (const takeAway of [...toxics]) await takeAway();
			await restore();
		},
		remove: () => proxy.remove(),
	};
}
