import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

const program = path.resolve(import.meta.dirname, "healthcheck.ts");

describe("the health check of a container", () => {
	let server: http.Server;
	let answers: Record<string, number>;
	beforeEach(async () => {
		answers = { "/healthz": 200, "/readyz": 503 };
		server = http.createServer((req, res) => res.writeHead(answers[req.url!] ?? 404).end('{"status":"so"}\n'));
		await once(server.listen(0, "127.0.0.1"), "listening");
	});
	afterEach(() => {
		server.close();
	});

	async function check(...words: string[]): Promise<{ code: number; said: string }> {
		const port = String((server.address() as AddressInfo | null)?.port ?? 1);
		const child = spawn(process.execPath, [program, ...words], { env: { ...process.env, STOA_OPS_PORT: port } });
		let said = "";
		for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", text => (said += text));
		const [code] = (await once(child, "close")) as [number];
		return { code, said };
	}

	it("passes a node that lives, whose database is away", async () => {
		expect(await check()).toEqual({ code: 0, said: '/healthz 200 {"status":"so"}\n' });
	});

	it("fails it when it is asked whether the node is ready, and says what the node said", async () => {
		expect(await check("--ready")).toEqual({ code: 1, said: '/readyz 503 {"status":"so"}\n' });
		answers["/readyz"] = 200;
		expect((await check("--ready")).code).toBe(0);
	});

	it("fails where nobody listens, with a reason and without a stack", async () => {
		server.close();
		const { code, said } = await check();
		expect(code).toBe(1);
		expect(said).toMatch(/^\/healthz .+\n$/);
	});
});
