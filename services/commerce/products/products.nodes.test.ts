// Two nodes of the catalogue over one document server, with Redis and without: what one writes, the other shows.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { redisOf } from "../../../lib/redis.ts";
import { aProduct, euros } from "../../../test/support/catalogue.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer, startServer, type TestServer } from "../../../test/support/engines/engines.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as products from "./products.contract.ts";
import * as taxonomy from "./taxonomy.contract.ts";

async function twoNodes(env: Record<string, string>): Promise<[Stoa, Stoa]> {
	const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
	const common = {
		STOA_MONGO_URL: await sharedServer("mongo"),
		STOA_NAMESPACE: `t${newId("prd", Date.now()).slice(-16).toLowerCase()}`,
		STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		STOA_SIGNING_KEYS: JSON.stringify({ keys: [jwk] }),
		...env,
	};
	const services = ["commerce/products", "commerce/inventory"];
	return [await startStoa({ services, env: common }), await startStoa({ services, env: common })];
}

const merchant = (node: Stoa) => ({ meta: node.as("usr_merchant", ["merchant"]) });
const priceOf = ({ variants }: products.Product) => variants[0]!.price.amount;

/** Every way in which a node shows a product's price. */
async function shown({ broker }: Stoa, { id, slug, category, variants }: products.Product): Promise<number[]> {
	const [byId, bySlug, list, quote] = await Promise.all([
		ask(broker, products.get, { idOrSlug: id }),
		ask(broker, products.get, { idOrSlug: slug }),
		ask(broker, products.list, { category: category! }),
		ask(broker, products.quote, { skus: [variants[0]!.sku] }),
	]);
	return [priceOf(byId), priceOf(bySlug), ...list.data.map(priceOf), ...quote.lines.map(({ price }) => price.amount)];
}

/** Both nodes, in turn, change a price that both have shown before. */
async function agree(nodes: readonly [Stoa, Stoa], category: string, inBetween: (round: number) => void = () => undefined) {
	const product = await ask(nodes[0].broker, products.create, aProduct({ category }), merchant(nodes[0]));
	const variantId = product.variants[0]!.id;
	for (let round = 1; round <= 6; round++) {
		const [writer, reader] = round % 2 === 0 ? [nodes[0], nodes[1]] : [nodes[1], nodes[0]];
		await shown(reader, product);
		inBetween(round);
		const price = euros(1000 + round);
		await ask(writer.broker, products.changeVariant, { id: product.id, variantId, price }, merchant(writer));
		for (const node of [reader, writer])
			expect(await shown(node, product)).toEqual([price, price, price, price].map(({ amount }) => amount));
	}
}

describeWith("mongo", "own redis")("two nodes over one document server and one Redis", () => {
	let redis: TestServer;
	let nodes: [Stoa, Stoa];
	beforeAll(async () => {
		redis = await startServer("redis", { appendOnly: false });
		nodes = await twoNodes({ STOA_REDIS_URL: redis.url });
		for (const { broker } of nodes) await redisOf(broker)!.opened(5000);
	}, 120_000);
	afterAll(async () => {
		await Promise.all((nodes ?? []).map(node => node.stop()));
		await redis.remove();
	});

	it("show what the other wrote as soon as it was answered, by id, by slug, in lists and in quotes", () => agree(nodes, "together"));

	it("show it too while Redis is paused, and after that", async () => {
		await agree(nodes, "paused", round => {
			if (round === 2) redis.pause();
			if (round === 5) redis.resume();
		});
	});

	it("know each other's categories", async () => {
		const [one, other] = nodes;
		const slugs = async ({ broker }: Stoa) => (await ask(broker, taxonomy.listCategories, {})).data.map(({ slug }) => slug);
		expect(await slugs(other)).not.toContain("garden");
		await ask(one.broker, taxonomy.addCategory, { slug: "garden", name: "Garden" }, merchant(one));
		expect(await slugs(other)).toContain("garden");
	});

	it("sell no SKU twice when both add it at once", async () => {
		const add = (node: Stoa) => {
			const asked = aProduct({ variants: [{ sku: "ONLY-ONE", price: euros(1) }] });
			return ask(node.broker, products.create, asked, merchant(node)).catch(error => error.type);
		};
		const outcomes = await Promise.all([add(nodes[0]), add(nodes[1])]);
		expect(outcomes.filter(outcome => outcome === "sku_taken")).toHaveLength(1);
	});
});

describeWith("mongo")("two nodes over one document server, without Redis", () => {
	let nodes: [Stoa, Stoa];
	beforeAll(async () => {
		nodes = await twoNodes({});
	}, 120_000);
	afterAll(() => Promise.all((nodes ?? []).map(node => node.stop())));

	it("show what the other wrote as soon as it was answered", () => agree(nodes, "alone"));
});
