// More facts than can be judged at once: what was found in the first of them does not wait for the last.
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { newId } from "../../../lib/ids.ts";
import { RiskFeed } from "../../../test/support/risk-feed.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { fillSeries } from "./counters/filling.ts";
import { logged } from "./counters/observed.ts";
import { interactionObserved } from "./fraud.observing.ts";
import type { Fraud } from "./fraud.service.ts";

const floodSize = 20_000;

describe("in a flood of facts", () => {
	let stoa: Stoa;
	beforeEach(async () => {
		stoa = await startStoa({ services: ["risk"], env: { STOA_DURABILITY: "process" } });
	});
	afterEach(() => stoa.stop());

	it("whoever does too much is flagged before all that the others did is judged", async () => {
		const { desk, store } = stoa.service<Fraud>("fraud");
		const feed = new RiskFeed(stoa);
		const now = Date.now();
		const userId = newId("usr", now);
		const others = Array.from({ length: 200 }, () => newId("usr", now));
		// In one transaction, so that the judge finds all of it at once.
		await store.transaction(async tx => {
			for (let n = 0; n < 100; n++) await tx.log(interactionObserved(feed.interaction(userId, now), now));
			for (let n = 0; n < floodSize; n++) await tx.log(interactionObserved(feed.interaction(others[n % others.length]!, now), now));
		});
		while ((await desk.flags.get(userId))?.status !== "flagged") await pause(1);
		expect(await store.reader.judged()).toBeLessThan(100 + floodSize);
		await feed.judged();
		expect(await store.reader.judged()).toBe(100 + floodSize);
	});
});

it("counting the log again for a new rule lets others have their turn", async () => {
	let turns = 0;
	const others = setInterval(() => turns++, 1);
	const log = Array.from({ length: 50_000 }, (_, n) => logged(n + 1, { fields: { kind: "visit" } }));
	await fillSeries([log], []);
	clearInterval(others);
	expect(turns).toBeGreaterThan(3);
});
