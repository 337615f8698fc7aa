// The HTTP server below the gateway: what Node leaves open by default is closed here, and it empties before it closes.
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "../../../lib/config.ts";
import type { StoaFailure } from "../../../lib/failure.ts";
import { headersTooLarge, malformedRequest } from "./gateway.contract.ts";
import { rawProblem } from "./problem.ts";

const options: http.ServerOptions = {
	// Whoever sends headers drop by drop holds a socket for nothing.
	headersTimeout: 10_000,
	requestTimeout: 30_000,
	// Longer than the minute after which common load balancers let go, so that it is never us who closes while they send.
	keepAliveTimeout: 65_000,
	connectionsCheckingInterval: 2000,
	maxHeaderSize: 16 * 1024,
	// Our own answer to it is a problem like every other.
	requireHostHeader: false,
};

function parserFailure(error: NodeJS.ErrnoException): StoaFailure {
	return error.code === "HPE_HEADER_OVERFLOW" ? headersTooLarge() : malformedRequest();
}

export function makeServer(handler: http.RequestListener, newRequestId: () => string): http.Server {
	const server = http.createServer(options, handler);
	server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
		// A reset peer reads nothing any more, and an answer that has begun cannot be followed by another.
		if (error.code === "ECONNRESET" || !socket.writable || (socket as Socket & { _httpMessage?: unknown })._httpMessage)
			return socket.destroy();
		socket.end(rawProblem(parserFailure(error), newRequestId()));
	});
	return server;
}

/** Listens on all interfaces. Throws a ConfigError that names the variable when the port cannot be had. */
export function listen(server: http.Server, port: number, variable: string): Promise<AddressInfo> {
	return new Promise((resolve, reject) => {
		server.once("error", (error: NodeJS.ErrnoException) => {
			const reason = error.code === "EADDRINUSE" ? "is in use by another process" : `cannot be listened on (${error.code})`;
			reject(new ConfigError(`Port ${port} ${reason}. Set ${variable} to another one.`));
		});
		server.listen(port, () => {
			server.removeAllListeners("error");
			resolve(server.address() as AddressInfo);
		});
	});
}

/** Takes no new connections, lets the requests under way end, and cuts what is left after `graceMs`. */
export async function drain(server: http.Server, graceMs: number): Promise<void> {
	if (!server.listening) return;
	await new Promise<void>(resolve => {
		const patience = setTimeout(() => server.closeAllConnections(), graceMs);
		// Those at work say "Connection: close" with their answer; one whose answer was already on its way is closed when it idles.
		const sweeping = setInterval(() => server.closeIdleConnections(), 50);
		server.close(() => {
			clearTimeout(patience);
			clearInterval(sweeping);
			resolve();
		});
	});
}
