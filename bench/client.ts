import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Answer, readAnswer } from "./answer.ts";

export interface Ask {
	method: "GET" | "POST";
	path: string;
	headers?: Readonly<Record<string, string>>;
	body?: unknown;
}

/** Longer than any answer the product promises, shorter than a hung benchmark. */
const answerWithinMs = 30_000;
/** Servers close what was idle for some seconds, Node's after 5; a request written at that moment is lost, and no fault of the product. */
const idleMsMax = 2000;

/** Keep-alive connections on bare sockets, shared out evenly among the gateways, one request at a time on each; a request waits when all are busy. */
export class Client {
	readonly #bases: readonly URL[];
	#opened = 0;
	readonly #connectionsMax: number;
	readonly #idle: Connection[] = [];
	readonly #all = new Set<Connection>();
	readonly #waiting: ((connection: Connection) => void)[] = [];

	constructor(bases: string | readonly string[], connectionsMax: number) {
		this.#bases = [bases].flat().map(base => new URL(base));
		this.#connectionsMax = connectionsMax;
	}

	async request(ask: Ask): Promise<Answer> {
		const connection = await this.#take();
		try {
			return await connection.send(ask);
		} finally {
			this.#giveBack(connection);
		}
	}

	close(): void {
		for (const connection of this.#all) connection.close();
	}

	#take(): Connection | Promise<Connection> {
		// The last one used, so that those left over from a burst grow old.
		for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
			if (idle.usable && performance.now() - idle.usedAtMs < idleMsMax) return idle;
			idle.close();
		}
		if (this.#all.size < this.#connectionsMax) return this.#open();
		return new Promise(resolve => this.#waiting.push(resolve));
	}

	#giveBack(connection: Connection): void {
		const next = this.#waiting.shift();
		if (connection.usable) {
			if (next) next(connection);
			else this.#idle.push(connection);
		} else if (next) next(this.#open());
	}

	#open(): Connection {
		const base = this.#bases[this.#opened++ % this.#bases.length]!;
		const connection: Connection = new Connection(base, () => this.#all.delete(connection));
		this.#all.add(connection);
		return connection;
	}
}

class Connection {
	usable = true;
	usedAtMs = 0;
	readonly #base: URL;
	readonly #socket: Socket;
	readonly #closed: () => void;
	#received: Buffer = Buffer.alloc(0);
	#asked: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

	constructor(base: URL, closed: () => void) {
		this.#base = base;
		this.#closed = closed;
		const secure = base.protocol === "https:";
		const host = base.hostname.replace(/^\[|\]$/g, "");
		const port = Number(base.port) || (secure ? 443 : 80);
		this.#socket = secure ? connectTls({ host, port, servername: host }) : connect({ host, port });
		this.#socket.setNoDelay(true).setTimeout(answerWithinMs);
		this.#socket
			.on("data", chunk => this.#read(chunk))
			.on("timeout", () => this.#fail(new Error(`no answer within ${answerWithinMs / 1000} s`)))
			.on("error", error => this.#fail(error))
			.on("close", () => this.#fail(new Error("connection closed before the answer")));
	}

	send(ask: Ask): Promise<Answer> {
		return new Promise((resolve, reject) => {
			this.#asked = { resolve, reject };
			this.#socket.write(written(this.#base, ask));
		});
	}

	close(): void {
		this.usable = false;
		this.#closed();
		this.#socket.destroy();
	}

	#read(chunk: Buffer): void {
		this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
		try {
			const read = readAnswer(this.#received);
			if (!read) return;
			this.#received = this.#received.subarray(read.length);
			if (!read.answer.reusable) this.close();
			this.usedAtMs = performance.now();
			const asked = this.#asked;
			this.#asked = undefined;
			asked?.resolve(read.answer);
		} catch (error) {
			this.#fail(error as Error);
		}
	}

	#fail(error: Error): void {
		this.close();
		this.#asked?.reject(error);
		this.#asked = undefined;
	}
}

function written(base: URL, { method, path, headers, body }: Ask): string {
	let head = `${method} ${base.pathname.replace(/\/$/, "")}${path} HTTP/1.1\r\nHost: ${base.host}\r\nAccept: application/json\r\n`;
	for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
	if (body === undefined) return `${head}\r\n`;
	const text = JSON.stringify(body);
	return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
