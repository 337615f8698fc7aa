// Two nodes of interactions on one SQL server: what a single writer never meets.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as interactions from "./interactions.contract.ts";
import type { InteractionsTx } from "./interactions.store.ts";

describeWith("sql")("two nodes on one SQL server", () => {
	const nodes: Stoa[] = [];
	beforeAll(async () => {
		const env = {
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_NAMESPACE: `two_${randomBytes(5).toString("hex")}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
		};
		for (let n = 0; n < 2; n++) nodes.push(await startStoa({ services: ["identity/interactions"], env }));
	}, 120_000);
	afterAll(() => Promise.all(nodes.map(node => node.stop())));

	const aUserId = () => newId("usr", Date.now());
	const recordBatch = (turn: number, userId: string, items: interactions.NewInteraction[]) => {
		const node = nodes[turn % 2]!;
		return ask(node.broker, interactions.recordBatch, { items }, { meta: node.as(userId) });
	};
	const told = (userId: string) =>
		nodes[0]!.service<SqlService<InteractionsTx>>("interactions").store.reader.all("SELECT id FROM outbox WHERE factKey = ?", [userId]);

	it("keep one like of one target, told once, of forty that come at once", async () => {
		const userId = aUserId();
		const ids = await Promise.all(
			Array.from({ length: 40 }, async (_, turn) => {
				const node = nodes[turn % 2]!;
				const { id } = await ask(node.broker, interactions.record, { kind: "like", target: "prd_1" }, { meta: node.as(userId) });
				return id;
			}),
		);
		expect(new Set(ids).size).toBe(1);
		expect(await told(userId)).toHaveLength(1);
	});

	it("answer batches alike that like the same in every order, and count every visit", async () => {
		const userId = aUserId();
		const targets = Array.from({ length: 10 }, (_, n) => `prd_${n}`);
		const answers = await Promise.all(
			Array.from({ length: 12 }, (_, turn) => {
				const likes = (turn % 2 ? targets : targets.toReversed()).map(target => ({ kind: "like" as const, target }));
				return recordBatch(turn, userId, [...likes, { kind: "visit", target: "/Straße" }]);
			}),
		);
		const idOf = (answer: (typeof answers)[number], target: string) => answer.data.find(each => each.target === target)!.id;
		for (const target of targets) expect(new Set(answers.map(answer => idOf(answer, target))).size).toBe(1);
		const node = nodes[1]!;
		const seen = await ask(node.broker, interactions.mine, { target: "/Straße" }, { meta: node.as(userId) });
		expect(seen.total).toBe(12);
		expect(await told(userId)).toHaveLength(22);
	});

	it("tell capitals, accents and trailing spaces of targets apart", async () => {
		const userId = aUserId();
		const targets = ["/a", "/A", "/á", "/a "];
		await recordBatch(
			0,
			userId,
			targets.map(target => ({ kind: "like", target })),
		);
		const node = nodes[1]!;
		expect((await ask(node.broker, interactions.mine, {}, { meta: node.as(userId) })).data.map(({ target }) => target)).toEqual(
			targets.toReversed(),
		);
	});
});
