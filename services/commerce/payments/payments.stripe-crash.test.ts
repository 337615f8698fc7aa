import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { newId } from "../../../lib/ids.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { aPayment, factTypes, paymentOf, playStory } from "../../../test/support/payments.ts";
import { startStoa } from "../../../test/support/stoa.ts";
import { type StripeStandIn, startStripe, stripeEnv } from "../../../test/support/stripe-stand-in.ts";

const script = path.resolve("test/support/play-story.ts");

// The first three commits open the store. The fifth keeps the name of the PaymentIntent, before it is confirmed; the eighth the key of the capture.
const points = [
	...["authorize", "capture", "refund", "void"].map(operation => `payments/${operation}/afterProvider`),
	...[5, 8].map(n => `payments/afterCommit:${n}`),
];

describeWith("localstripe")("a process killed with -9 while Stripe moves money", () => {
	let stripe: StripeStandIn;
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-stripe-crash-"));
	beforeAll(async () => {
		stripe = await startStripe();
	});
	afterAll(async () => {
		await stripe.stop();
		fs.rmSync(folder, { recursive: true, force: true });
	});

	function playAndDie(crashAt: string, dataDir: string, story: object): Promise<string | null> {
		const env = { ...process.env, CRASH_AT: crashAt };
		const args = [script, dataDir, JSON.stringify(story), JSON.stringify(stripeEnv(stripe))];
		return new Promise(resolve => {
			execFile(process.execPath, args, { env }, error => resolve(error?.signal ?? null));
		});
	}

	it.each(points)("at %s: asked again, the same money has moved exactly once", async crashAt => {
		const token = await stripe.method("4242424242424242");
		const aWish = () => aPayment({ token, paymentId: newId("pay", Date.now()), orderId: newId("ord", Date.now()) });
		const story = { kept: aWish(), undone: aWish() };
		const dataDir = path.join(folder, crashAt.replaceAll(/\W/g, "-"));
		expect(await playAndDie(crashAt, dataDir, story)).toBe("SIGKILL");

		const stoa = await startStoa({ services: ["commerce/payments"], dataDir, env: stripeEnv(stripe) });
		await playStory(stoa, story);
		const { kept, undone } = story;
		expect((await stripe.intentsOf(kept.paymentId)).map(({ status, amount }) => ({ status, amount }))).toEqual([
			{ status: "succeeded", amount: 10_000 },
		]);
		expect((await stripe.refundsOf(kept.paymentId)).map(({ amount }) => amount)).toEqual([2_000]);
		expect(await paymentOf(stoa, kept.paymentId)).toMatchObject({ status: "partiallyRefunded", captured: 10_000, refunded: 2_000 });
		expect(await factTypes(stoa, kept.paymentId)).toEqual(["authorized", "captured", "refunded"]);
		expect((await stripe.intentsOf(undone.paymentId)).map(({ status }) => status)).toEqual(["canceled"]);
		expect(await factTypes(stoa, undone.paymentId)).toEqual(["authorized", "voided"]);
		await stoa.stop();
	});
});
