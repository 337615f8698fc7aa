// Lets the owner of the data folder call any action of the running process: the REPL and the seed come through here.
// The file's mode is the credential, so it is made under a mask that leaves nobody else in.
import fs from "node:fs";
import net from "node:net";
import { createInterface } from "node:readline";
import type { Middleware, ServiceBroker } from "moleculer";
import { codeOf } from "../lib/failure.ts";
import { type OperatorReply, type OperatorRequest, operatorSocketPath } from "../lib/operator-socket.ts";
import { runtimeOf } from "../lib/runtime.ts";
import { withScope } from "../lib/scope.ts";
import { ownsDataFolder } from "./data-folder.ts";

async function answerLine(broker: ServiceBroker, line: string): Promise<OperatorReply> {
	let id = 0;
	try {
		const request = JSON.parse(line) as OperatorRequest;
		id = request.id;
		const scope = { requestId: null, traceparent: null, actor: { kind: "operator" as const, id: "repl" } };
		const result = await withScope(scope, () => broker.call(request.action, request.params ?? {}, { timeout: 60_000 }));
		return { id, result: result ?? null };
	} catch (error) {
		const { message, data, name } = error as Error & { data?: unknown };
		return { id, error: { code: codeOf(error) ?? name, message, data } };
	}
}

function serve(broker: ServiceBroker, socket: net.Socket): void {
	socket.on("error", () => socket.destroy());
	const lines = createInterface({ input: socket });
	// It tells the socket's errors again: unheard, a client that was killed would end this process.
	lines.on("error", () => socket.destroy());
	lines.on("line", async line => {
		const reply = await answerLine(broker, line);
		if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
	});
}

/** A new middleware per broker. */
export function operatorSocket(): Middleware {
	let server: net.Server | undefined;
	const open = new Set<net.Socket>();
	return {
		name: "OperatorSocket",

		async started(broker: ServiceBroker) {
			const { config } = runtimeOf(broker);
			// A folder that several nodes may share has no one process behind it; operators join such a mesh over NATS.
			if (!ownsDataFolder(config)) return;
			const file = operatorSocketPath(config.dataDir);
			// The folder is locked by us: a socket that lies there was left by a process that was killed.
			if (process.platform !== "win32") fs.rmSync(file, { force: true });
			server = net.createServer(socket => {
				open.add(socket);
				socket.on("close", () => open.delete(socket));
				serve(broker, socket);
			});
			const mask = process.umask(0o177);
			try {
				await new Promise<void>((resolve, reject) => server!.once("error", reject).listen(file, resolve));
			} finally {
				process.umask(mask);
			}
		},

		async stopping() {
			for (const socket of open) socket.destroy();
			await new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve()));
		},
	};
}
