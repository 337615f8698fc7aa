// Nodes that start at once on servers they share: one administrator and one shop come of it, and no node waits for ever for another.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { ServerUrls } from "../../test/support/cluster.ts";
import { describeWith } from "../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../test/support/engines/engines.ts";
import { eventually } from "../../test/support/http.ts";
import { dropNamespace } from "../../test/support/namespace.ts";
import { launchProduct, type ProductProcess } from "../product-process.ts";
import { firstSeed } from "../seed/seed.ts";

const parts = ["identity", "commerce", "commerce", "edge"];
const marketeers = ["commerce", "commerce"];

describeWith(
	"nats",
	"sql",
	"mongo",
)("a shop of several nodes that share one data folder", () => {
	let folder: string;
	let nodes: ProductProcess[];
	let urls: ServerUrls;
	let env: Record<string, string>;

	beforeAll(async () => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-nodes-"));
		urls = { nats: await sharedServer("nats"), sql: await sharedServer("sql"), mongo: await sharedServer("mongo") };
		env = {
			STOA_NATS_URL: urls.nats,
			STOA_SQL_URL: urls.sql,
			STOA_MONGO_URL: urls.mongo,
			STOA_NAMESPACE: `start_${randomBytes(5).toString("hex")}`,
			STOA_RATE_LIMITS: "off",
		};
		nodes = await Promise.all(
			parts.map((services, at) =>
				launchProduct({
					dataDir: path.join(folder, "data"),
					logFile: path.join(folder, `${at}-${services}.log`),
					env: { ...env, SERVICES: services },
				}),
			),
		);
		await Promise.all(nodes.map(node => node.ready()));
	}, 180_000);
	afterAll(async () => {
		await Promise.all(nodes.map(node => node.stop()));
		await dropNamespace(urls, env.STOA_NAMESPACE!);
		fs.rmSync(folder, { recursive: true });
	}, 60_000);

	const printed = () => nodes.map(node => node.log()).join("\n");
	const gateway = () => nodes[parts.indexOf("edge")]!;
	const signIn = (email: string, password: string) =>
		fetch(`${gateway().url}/v1/auth/login`, {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ email, password }),
		});

	it("is set up once, whoever was first", async () => {
		await eventually(
			async () => nodes.filter(node => node.log().includes("The shop is set up.")).length,
			count => count === marketeers.length,
			60_000,
		);
		const products = async () => {
			let count = 0;
			for (let cursor: string | null = ""; cursor !== null; ) {
				const answer = await fetch(`${gateway().url}/v1/products?limit=100${cursor && `&cursor=${cursor}`}`);
				const page = (await answer.json()) as { data: unknown[]; nextCursor: string | null };
				count += page.data.length;
				cursor = page.nextCursor;
			}
			return count;
		};
		expect(await products()).toBe(firstSeed);
	}, 90_000);

	it("tells each password once, and they are the right ones", async () => {
		const told = [...printed().matchAll(/^ {2}(Administrator|Customer|Merchant) +(\S+) +(\S+)/gm)];
		expect(told.map(([, role]) => role).toSorted()).toEqual(["Administrator", "Customer", "Merchant"]);
		for (const [, , email, password] of told) expect((await signIn(email!, password!)).status).toBe(200);
	});

	it("takes more of the catalogue from the seed program, which joins as a node of its own", async () => {
		const program = [path.join(import.meta.dirname, "../seed.ts"), "--products", String(firstSeed + 3)];
		const { stdout } = await promisify(execFile)(process.execPath, ["--disable-warning=ExperimentalWarning", ...program], {
			env: { ...process.env, ...env, STOA_DATA_DIR: path.join(folder, "data") },
		});
		expect(stdout).toContain(`3 products were added, ${firstSeed} were there already.`);
	}, 60_000);

	it("owns no data folder: nothing but secrets lies there", () => {
		expect(fs.readdirSync(path.join(folder, "data"))).toEqual(["secrets"]);
	});
});
