// What people like is interactions' to record; a product shows how many they are.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { ask, type HeardEvent } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { DocumentService } from "../../../mixins/document-store.ts";
import { aProduct, unknownProduct, until } from "../../../test/support/catalogue.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { record, recorded } from "../../identity/interactions/interactions.contract.ts";
import * as products from "./products.contract.ts";

const aUserId = () => newId("usr", Date.now());
const create = ({ broker, as }: Stoa, changes = {}) =>
	ask(broker, products.create, aProduct(changes), { meta: as("usr_merchant", ["merchant"]) });
const likesOf = async ({ broker }: Stoa, idOrSlug: string) => (await ask(broker, products.get, { idOrSlug })).likes;
const listedLikes = async ({ broker }: Stoa, category: string) =>
	(await ask(broker, products.list, { category })).data.map(({ likes }) => likes);
const shows = (stoa: Stoa, id: string, count: number) =>
	until(
		() => likesOf(stoa, id),
		likes => likes === count,
	);

/** As if the inbox had lost its memory, or another node had heard it too. */
function hear(stoa: Stoa, userId: string, target: string) {
	const service = stoa.service<DocumentService>("products");
	const heard = (service.schema.events as unknown as Record<string, HeardEvent>)[recorded.name]!;
	return heard.hear.call(service, { params: { kind: "like", target, userId } } as never);
}

describe("the likes of a product", () => {
	let stoa: Stoa;
	beforeAll(async () => {
		stoa = await startStoa({ services: ["commerce/products", "commerce/inventory", "identity/interactions"] });
	});
	afterAll(() => stoa.stop());

	const act = (userId: string, kind: "like" | "visit", target: string) =>
		ask(stoa.broker, record, { kind, target }, { meta: stoa.as(userId) });

	it("are the users who like it, each once; visits are none", async () => {
		const { id, slug } = await create(stoa, { category: "liked" });
		const [one, other] = [aUserId(), aUserId()];
		expect(await listedLikes(stoa, "liked")).toEqual([0]);
		for (const userId of [one, one, other]) {
			await act(userId, "like", id);
			await act(userId, "visit", id);
		}
		await shows(stoa, id, 2);
		expect(await likesOf(stoa, slug)).toBe(2);
		// Lists follow within their time.
		await until(
			() => listedLikes(stoa, "liked"),
			([likes]) => likes === 2,
		);
	});

	it("stay what they are when a fact is heard again, and after a restart", async () => {
		const { id } = await create(stoa);
		const userId = aUserId();
		await act(userId, "like", id);
		await shows(stoa, id, 1);
		await hear(stoa, userId, id);
		expect(await likesOf(stoa, id)).toBe(1);
		expect(await ask(stoa.broker, storeContract("products").replayFacts, { dryRun: false })).toMatchObject({ repaired: 0 });
		await stoa.restart();
		expect(await likesOf(stoa, id)).toBe(1);
		await act(aUserId(), "like", id);
		await shows(stoa, id, 2);
	});

	it("change neither version nor what was told of it, but the ETag, as everything that is seen", async () => {
		const before = await create(stoa);
		await hear(stoa, aUserId(), before.id);
		const after = await ask(stoa.broker, products.get, { idOrSlug: before.id });
		expect(after).toEqual({ ...before, likes: 1 });
		expect(etagOf(after)).not.toBe(etagOf(before));
		const told = await ask(stoa.broker, storeContract("products").readFacts, { after: 0, limit: 1000 });
		expect(told.filter(({ key }) => key === before.id)).toHaveLength(1);
	});

	it("outlast a change of the product, and come to one that is archived", async () => {
		const { id } = await create(stoa);
		await hear(stoa, aUserId(), id);
		const merchant = stoa.as("usr_merchant", ["merchant"]);
		expect(await ask(stoa.broker, products.change, { id, name: "Another name" }, { meta: merchant })).toMatchObject({ likes: 1 });
		await ask(stoa.broker, products.archive, { id }, { meta: merchant });
		await hear(stoa, aUserId(), id);
		expect(await ask(stoa.broker, products.get, { idOrSlug: id }, { meta: merchant })).toMatchObject({ likes: 2, status: "archived" });
	});

	it("of what is no product leave nothing behind", async () => {
		for (const target of [unknownProduct, "prd_nonsense", "/products/x"]) await hear(stoa, aUserId(), target);
		const { documents } = stoa.service<DocumentService>("products");
		expect(await documents.collection("likes").count({ productId: unknownProduct })).toBe(0);
	});
});

describeWith("mongo")("the likes of a product, counted by two nodes at once", () => {
	const nodes: Stoa[] = [];
	beforeAll(async () => {
		const env = {
			STOA_MONGO_URL: await sharedServer("mongo"),
			STOA_NAMESPACE: `two_${randomBytes(5).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		};
		for (let n = 0; n < 2; n++) nodes.push(await startStoa({ services: ["commerce/products", "commerce/inventory"], env }));
	}, 120_000);
	afterAll(() => Promise.all(nodes.map(node => node.stop())));

	it("are exact when both hear of every one of them, in another order", async () => {
		const [one, other] = nodes as [Stoa, Stoa];
		const merchant = { meta: one.as("usr_merchant", ["merchant"]) };
		const { id } = await ask(one.broker, products.create, aProduct(), merchant);
		const users = Array.from({ length: 15 }, aUserId);
		await Promise.all([...users.map(userId => hear(one, userId, id)), ...users.toReversed().map(userId => hear(other, userId, id))]);
		for (const node of nodes) expect(await likesOf(node, id)).toBe(15);
	});
});
