import { findProgram } from "./programs.ts";
import type { Recipe } from "./server.ts";

export function toxiproxyRecipe(): Recipe {
	return {
		command: ({ port }) => [findProgram("toxiproxy-server")!, "-host", "127.0.0.1", "-port", String(port)],
		url: port => `http://127.0.0.1:${port}`,
		ready: { say: "GET /version HTTP/1.0\r\n\r\n", hear: /^HTTP\/1.* 200/ },
	};
}
