import { findProgram } from "./programs.ts";
import type { Recipe } from "./server.ts";

export interface RedisOptions {
	password?: string;
	/** Keeps its data over a restart and a kill; on by default. */
	appendOnly?: boolean;
	/** Options of redis-server: `["--maxmemory", "1mb"]`. */
	args?: string[];
}

export function redisRecipe({ password, appendOnly = true, args = [] }: RedisOptions = {}): Recipe {
	const where = (data: string, port: number) => ["--bind", "127.0.0.1", "--port", String(port), "--dir", data];
	return {
		command: ({ data, port }) => [
			findProgram("redis-server")!,
			...where(data, port),
			...["--save", "", "--appendonly", appendOnly ? "yes" : "no"],
			...(password === undefined ? [] : ["--requirepass", password]),
			...args,
		],
		url: port => (password === undefined ? `redis://127.0.0.1:${port}` : `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`),
		ready: { say: "PING\r\n", hear: /^(\+PONG|-NOAUTH)/ },
	};
}
