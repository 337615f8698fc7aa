// The try-it page as a person's browser shows it: our own files, our own content security policy, every route on it.
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeWith } from "../support/engines/describe-with.ts";
import { toolPath } from "../support/engines/engines.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

const chromium = toolPath("chromium");
const run = promisify(execFile);

describeWith("chromium")("the try-it page in a browser", () => {
	let stoa: Stoa;
	let profile: string;

	beforeAll(async () => {
		stoa = await startStoa();
		profile = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-chromium-"));
	});
	afterAll(async () => {
		await stoa.stop();
		fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	});

	it("lists the routes of the shop without asking anybody else's server", async () => {
		const flags = [
			"--headless=new",
			"--no-sandbox",
			"--disable-gpu",
			`--user-data-dir=${profile}`,
			"--enable-logging=stderr",
			"--virtual-time-budget=15000",
		];
		const { stdout, stderr } = await run(chromium!, [...flags, "--dump-dom", `${stoa.url}/docs`], {
			maxBuffer: 64 * 1024 * 1024,
			timeout: 60_000,
		});
		// The page offers line breaks inside long paths; a reader sees the path.
		const text = stdout.replaceAll(/<[^>]*>|\u200b/g, "");
		const routes = ["/v1/storefront/products/{idOrSlug}", "/v1/carts/{id}/checkout", "/v1/auth/login", "/v1/dead-letters"];
		expect(routes.filter(route => !text.includes(route))).toEqual([]);
		expect(stderr).not.toMatch(/Refused to|Content Security Policy|Uncaught/);
	}, 90_000);
});
