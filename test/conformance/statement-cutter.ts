// A proxy before a SQL server that cuts a connection at a chosen statement: before the server hears it, after it was done but before the answer
// comes back, or with the server's session left alive, so that the statement may still arrive later.
import net from "node:net";

export type Cut =
	/** The server hears nothing, and that the client is gone. */
	| "before"
	/** The server has done it, the answer is lost. */
	| "after"
	/** The client is cut off; the server still holds the session and hears the statement when it is let go. */
	| "held";

export interface StatementCutter {
	readonly port: number;
	/** Cuts once, at the next statement of these words. */
	cutAt(words: RegExp, cut: Cut): void;
	/** Sends on what was held. */
	letGo(): void;
	/** How often it has cut. */
	readonly cuts: number;
	close(): Promise<void>;
}

export async function startCutter(target: { host: string; port: number }): Promise<StatementCutter> {
	const sockets = new Set<net.Socket>();
	let armed: { words: RegExp; cut: Cut } | undefined;
	let held: (() => void) | undefined;
	let cuts = 0;

	const server = net.createServer(client => {
		const upstream = net.connect(target);
		let deaf = false;
		let isHeld = false;
		for (const socket of [client, upstream]) {
			sockets.add(socket);
			socket.setNoDelay(true);
			socket.on("error", () => undefined);
			socket.on("close", () => sockets.delete(socket));
		}
		const cutOff = () => {
			client.destroy();
			if (!isHeld) upstream.destroy();
		};
		client.on("close", cutOff);
		upstream.on("close", () => client.destroy());
		upstream.on("data", data => {
			if (!deaf) return client.write(data);
			// The answer: what was asked is done.
			cutOff();
		});
		client.on("data", data => {
			if (!armed?.words.test(data.toString("latin1"))) return upstream.write(data);
			const { cut } = armed;
			armed = undefined;
			cuts++;
			if (cut === "after") {
				deaf = true;
				upstream.write(data);
				return;
			}
			if (cut === "held") {
				isHeld = true;
				held = () => upstream.write(data, () => upstream.end());
			}
			cutOff();
		});
	});
	await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
	return {
		port: (server.address() as net.AddressInfo).port,
		cutAt: (words, cut) => {
			armed = { words, cut };
		},
		letGo: () => held?.(),
		get cuts() {
			return cuts;
		},
		close: () =>
			new Promise(resolve => {
				for (const socket of sockets) socket.destroy();
				server.close(() => resolve());
			}),
	};
}
