import { once } from "node:events";
import { createServer } from "node:net";
import { ConfigError } from "../../lib/config.ts";

/** Throws a ConfigError when nobody can listen there. Asked before anything is opened: a start that must fail fails as one sentence. */
export async function refuseTakenPort(port: number, variable: string): Promise<void> {
	const server = createServer();
	try {
		await once(server.listen(port), "listening");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		const reason = code === "EADDRINUSE" ? "is in use by another process" : `cannot be listened on (${code})`;
		throw new ConfigError(`Port ${port} ${reason}. Set ${variable} to another one.`);
	} finally {
		server.close();
	}
}
