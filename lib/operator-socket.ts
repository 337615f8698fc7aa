// Where the operator's prompt finds the running process: a socket in the data folder that only its owner may open.
// Each line is a JSON object: `{ id, action, params }` there, `{ id, result }` or `{ id, error }` back.
import { createHash } from "node:crypto";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

// The kernel keeps socket paths in 108 bytes.
const pathMax = 100;

/** The socket of a data folder; deep folders get a short name in the temporary folder, Windows a pipe. */
export function operatorSocketPath(dataDir: string): string {
	const name = `stoa-${createHash("sha256").update(path.resolve(dataDir)).digest("hex").slice(0, 20)}`;
	if (process.platform === "win32") return `\\\\.\\pipe\\${name}`;
	const inside = path.join(dataDir, "operator.sock");
	return Buffer.byteLength(inside) <= pathMax ? inside : path.join(os.tmpdir(), `${name}.sock`);
}

export interface OperatorRequest {
	id: number;
	action: string;
	params: Record<string, unknown>;
}

export interface OperatorError {
	code: string;
	message: string;
	data?: unknown;
}

export type OperatorReply = { id: number; result: unknown } | { id: number; error: OperatorError };

/** An error that the mesh answered. */
export class OperatorCallError extends Error {
	readonly type: string;
	readonly data: unknown;
	constructor({ code, message, data }: OperatorError) {
		super(message);
		this.type = code;
		this.data = data;
	}
}

/** A way into the mesh for commands: the socket of a process that is alone, or a node of its own over NATS. */
export interface Mesh {
	call(action: string, params?: Record<string, unknown>): Promise<unknown>;
	close(): void | Promise<void>;
}

/** Attaches to the process that runs on the data folder. Rejects when none does. */
export function attach(dataDir: string): Promise<Mesh> {
	return new Promise((resolve, reject) => {
		const socket = net.connect(operatorSocketPath(dataDir));
		const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
		let calls = 0;
		socket.once("error", reject);
		socket.once("connect", () => {
			socket.off("error", reject);
			socket.on("error", () => socket.destroy());
			resolve({
				call: (action, params = {}) =>
					new Promise((settle, refuse) => {
						if (socket.destroyed) return refuse(new Error("the running process has ended"));
						const id = ++calls;
						waiting.set(id, { resolve: settle, reject: refuse });
						socket.write(`${JSON.stringify({ id, action, params } satisfies OperatorRequest)}\n`);
					}),
				close: () => void socket.end(),
			});
		});
		const lines = createInterface({ input: socket });
		// It tells the socket's errors again, and nobody else would hear them there.
		lines.on("error", () => undefined);
		lines.on("line", line => {
			const reply = JSON.parse(line) as OperatorReply;
			const call = waiting.get(reply.id);
			waiting.delete(reply.id);
			if ("error" in reply) call?.reject(new OperatorCallError(reply.error));
			else call?.resolve(reply.result);
		});
		socket.on("close", () => {
			for (const call of waiting.values()) call.reject(new Error("the running process has ended"));
			waiting.clear();
		});
	});
}
