import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { aPayment, chargesOf, factTypes, paymentOf, playStory } from "../../../test/support/payments.ts";
import { startStoa } from "../../../test/support/stoa.ts";
import { crashPoints } from "./payments.intents.ts";

const script = path.resolve("test/support/play-story.ts");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-crash-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Plays the story in a process that kills itself at the point; answers the signal it died of, null when it lived. */
function playAndDie(crashAt: string, dataDir: string, story: object): Promise<string | null> {
	const env = { ...process.env, CRASH_AT: crashAt };
	return new Promise(resolve => {
		execFile(process.execPath, [script, dataDir, JSON.stringify(story)], { env }, error => resolve(error?.signal ?? null));
	});
}

// The first three commits open the store. Fifteen follow: for each wish its own, the bank's, and that of what the answer made true. The points
// beside the provider stand after the first and the second; these are the third ones, with nobody told yet.
const commits = [6, 9, 12, 18].map(n => `payments/afterCommit:${n}`);

describe("a process killed with -9 while money moves", () => {
	it.each([...crashPoints, ...commits])("at %s: asked again, the same money has moved exactly once", async crashAt => {
		const story = { kept: aPayment(), undone: aPayment() };
		const dataDir = path.join(folder, crashAt.replaceAll(/\W/g, "-"));
		expect(await playAndDie(crashAt, dataDir, story)).toBe("SIGKILL");

		const stoa = await startStoa({ services: ["commerce/payments"], dataDir });
		await playStory(stoa, story);
		const { kept, undone } = story;
		expect(await chargesOf(stoa, kept.paymentId)).toEqual([{ status: "captured", amount: 10_000, captured: 10_000, refunded: 2_000 }]);
		expect(await paymentOf(stoa, kept.paymentId)).toMatchObject({ status: "partiallyRefunded", captured: 10_000, refunded: 2_000 });
		expect(await factTypes(stoa, kept.paymentId)).toEqual(["authorized", "captured", "refunded"]);
		expect(await chargesOf(stoa, undone.paymentId)).toMatchObject([{ status: "voided" }]);
		expect(await factTypes(stoa, undone.paymentId)).toEqual(["authorized", "voided"]);
		await stoa.stop();
	});
});
