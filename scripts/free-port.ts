import net from "node:net";

const host = "127.0.0.1";
const given = new Set<number>();

/**
 * Below the range that systems use for outgoing connections (32768 and up): while a server is down, one of its reconnecting clients could otherwise
 * be given its port, and even connect to itself. No port is given twice, so that those of several servers may be chosen before the first listens.
 */
export async function freePort(): Promise<number> {
	for (let attempt = 0; attempt < 100; attempt++) {
		const port = 12_000 + Math.floor(Math.random() * 20_000);
		if (given.has(port)) continue;
		const free = await new Promise<boolean>(resolve => {
			const server = net.createServer();
			server.once("error", () => resolve(false));
			server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
		});
		if (!free) continue;
		given.add(port);
		return port;
	}
	throw new Error("No free port was found between 12000 and 32000.");
}
