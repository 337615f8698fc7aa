// `npm start` where it cannot: whoever typed it reads one sentence that says what to do.
import { once } from "node:events";
import fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { freePorts, launchProduct, type Ports } from "../product-process.ts";

describe("a start that cannot be", () => {
	let folder: string;
	const taken = createServer();

	beforeEach(async () => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-start-"));
		await once(taken.listen(0), "listening");
	});
	afterEach(() => {
		taken.close();
		fs.rmSync(folder, { recursive: true });
	});

	async function wordsOf(env: Record<string, string>, ports: Ports): Promise<string> {
		const product = await launchProduct({ dataDir: path.join(folder, "data"), logFile: path.join(folder, "start.log"), env, ports });
		expect(await product.ended).toEqual({ code: 1, signal: null });
		return product.log();
	}

	it.each(["STOA_PORT", "STOA_OPS_PORT"])(
		"because a port is taken names the port and %s",
		async variable => {
			const { port } = taken.address() as AddressInfo;
			const free = await freePorts();
			const words = await wordsOf({}, variable === "STOA_PORT" ? { ...free, port } : { ...free, opsPort: port });
			expect(words).toBe(`Stoa does not start: Port ${port} is in use by another process. Set ${variable} to another one.\n`);
		},
		30_000,
	);

	it("because SERVICES names nothing says which name", async () => {
		const words = await wordsOf({ SERVICES: "commerce,bakery" }, await freePorts());
		expect(words).toBe('Stoa does not start: SERVICES names "bakery", but there is no such folder under services/ with a service in it.\n');
	}, 30_000);
});
