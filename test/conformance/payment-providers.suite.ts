// What every provider of money must do, whoever it is. Each provider brings its own world; the suite brings the rules.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { newId } from "../../lib/ids.ts";
import type { AuthorizeCall, MoveCall, Provider } from "../../services/commerce/payments/providers/provider.ts";

export interface ProviderWorld {
	readonly provider: Provider;
	/** Tokens by what becomes of them. Left out: this provider has none to try it with. The bank of the first wants its buyer when it is asked. */
	readonly tokens: {
		pays: string;
		paysToo: string;
		declines: string;
		lacksFunds: string;
		authenticates: string;
		unavailable?: string;
		unknown: string;
	};
	/** The buyer acts at their bank. */
	authenticate(paymentId: string, outcome: "succeed" | "fail"): Promise<void>;
	/** A message as the provider would send it, with the signature header it would send along. */
	message(body: { id: string; type: string; paymentId: string }, ageSeconds?: number): { rawBody: string; signature: string };
	/** Our process dies and starts again; the provider's books do not. */
	restart(): Promise<void>;
	close(): Promise<void>;
}

const euros = (amount: number) => ({ amount, currency: "EUR" });

export function paymentProviderSuite(name: string, open: () => Promise<ProviderWorld>): void {
	describe(`the payment provider ${name}`, () => {
		let world: ProviderWorld;
		beforeAll(async () => {
			world = await open();
		});
		afterAll(() => world.close());

		const aCall = (token: string, amount = 1000, challenge = false): AuthorizeCall => {
			const now = Date.now();
			return { key: newId("int", now), paymentId: newId("pay", now), orderId: newId("ord", now), amount: euros(amount), token, challenge };
		};

		/** Holds the money and answers how to name it. */
		const hold = async (amount = 1000, token = world.tokens.pays, challenge = false) => {
			const call = aCall(token, amount, challenge);
			const answer = await world.provider.authorize(call);
			const charge = answer.status === "authorized" || answer.status === "pending" ? answer.charge : null;
			return { call, answer, reference: { paymentId: call.paymentId, authorizationKey: call.key, charge } };
		};
		const move = (reference: Omit<MoveCall, "key" | "amount">, amount = 1000): MoveCall => ({
			...reference,
			key: newId("int", Date.now()),
			amount: euros(amount),
		});

		describe("holding money", () => {
			it("says which instrument it was, and never its number", async () => {
				const { answer } = await hold();
				expect(answer).toMatchObject({
					status: "authorized",
					card: { brand: expect.any(String), last4: expect.stringMatching(/^\d{4}$/) },
				});
			});

			it("knows one instrument again, and tells two apart", async () => {
				const fingerprint = async (token: string) =>
					((await hold(1000, token)).answer as { card: { fingerprint: string } }).card.fingerprint;
				const { pays, paysToo } = world.tokens;
				expect(await fingerprint(pays)).toBe(await fingerprint(pays));
				expect(await fingerprint(pays)).not.toBe(await fingerprint(paysToo));
			});

			it("names an instrument before it is paid with as it does afterwards, also one that it declines", async () => {
				const { pays, paysToo, declines, lacksFunds, authenticates } = world.tokens;
				for (const token of [pays, paysToo, declines, lacksFunds, authenticates]) {
					const named = await world.provider.instrument(token);
					expect((await hold(1000, token)).answer).toMatchObject({ card: { fingerprint: named!.fingerprint } });
				}
				expect(await world.provider.instrument(world.tokens.unknown)).toBeUndefined();
			});

			it("declines what it declines, with a reason", async () => {
				expect((await hold(1000, world.tokens.declines)).answer).toMatchObject({ status: "declined", code: "declined" });
				expect((await hold(1000, world.tokens.lacksFunds)).answer).toMatchObject({ status: "declined", code: "insufficient_funds" });
				expect((await hold(1000, world.tokens.unknown)).answer).toMatchObject({ status: "declined" });
			});

			it("is one charge however often its key is sent, also at once", async () => {
				const call = aCall(world.tokens.pays);
				const answers = await Promise.all([1, 2, 3, 4, 5].map(() => world.provider.authorize(call)));
				expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1);
				expect(await world.provider.authorize(call)).toEqual(answers[0]);
			});

			it("holds nothing when it is not there", async () => {
				if (!world.tokens.unavailable) return;
				const { answer, reference } = await hold(1000, world.tokens.unavailable);
				expect(answer).toEqual({ status: "unavailable" });
				expect(await world.provider.lookUpAuthorization(reference)).toEqual({ status: "absent" });
			});
		});

		describe("asking the buyer", () => {
			it("waits, and holds the money when the buyer has agreed", async () => {
				const { answer, reference } = await hold(1000, world.tokens.authenticates);
				expect(answer).toMatchObject({ status: "pending", url: expect.any(String) });
				expect(await world.provider.lookUpAuthorization(reference)).toMatchObject({ status: "pending" });
				await world.authenticate(reference.paymentId, "succeed");
				expect(await world.provider.lookUpAuthorization(reference)).toMatchObject({ status: "authorized" });
			});

			it("declines when the buyer has not", async () => {
				const { reference } = await hold(1000, world.tokens.authenticates);
				await world.authenticate(reference.paymentId, "fail");
				expect(await world.provider.lookUpAuthorization(reference)).toMatchObject({ status: "declined", code: "authentication_failed" });
			});

			it("waits for the buyer of a card that would pay, when it is told to, however often that is sent", async () => {
				if (!world.provider.canChallenge) return;
				const { call, answer, reference } = await hold(1000, world.tokens.pays, true);
				expect(answer).toMatchObject({ status: "pending", url: expect.any(String) });
				expect(await world.provider.authorize(call)).toEqual(answer);
				expect((answer as { card: unknown }).card).toEqual(((await hold()).answer as { card: unknown }).card);
				await world.authenticate(reference.paymentId, "succeed");
				expect(await world.provider.lookUpAuthorization(reference)).toMatchObject({ status: "authorized" });
			});

			it("holds nothing of a card that would pay, when its buyer was asked for and has not agreed", async () => {
				if (!world.provider.canChallenge) return;
				const { reference } = await hold(1000, world.tokens.pays, true);
				await world.authenticate(reference.paymentId, "fail");
				expect(await world.provider.lookUpAuthorization(reference)).toMatchObject({ status: "declined", code: "authentication_failed" });
			});

			it("asks nobody about a card that is declined anyway, and once where the bank asks by itself", async () => {
				if (!world.provider.canChallenge) return;
				const { declines, lacksFunds, authenticates, unavailable } = world.tokens;
				expect((await hold(1000, declines, true)).answer).toMatchObject({ status: "declined", code: "declined" });
				expect((await hold(1000, lacksFunds, true)).answer).toMatchObject({ status: "declined", code: "insufficient_funds" });
				expect((await hold(1000, authenticates, true)).answer).toMatchObject({ status: "pending" });
				if (unavailable) expect((await hold(1000, unavailable, true)).answer).toEqual({ status: "unavailable" });
			});

			it("can be called off while the buyer is asked", async () => {
				const { reference } = await hold(1000, world.tokens.authenticates);
				expect(await world.provider.void(move(reference))).toEqual({ status: "succeeded" });
				expect(await world.provider.lookUpAuthorization(reference)).toEqual({ status: "voided" });
			});
		});

		describe("taking and giving back", () => {
			it("takes once what is held, however often the key is sent", async () => {
				const { reference } = await hold();
				const capture = move(reference);
				const answers = await Promise.all([world.provider.capture(capture), world.provider.capture(capture)]);
				expect(answers).toEqual([{ status: "succeeded" }, { status: "succeeded" }]);
				expect(await world.provider.capture(move(reference))).toMatchObject({ status: "declined" });
			});

			it("gives back up to what was taken, in parts, each key once", async () => {
				const { reference } = await hold();
				await world.provider.capture(move(reference));
				const first = move(reference, 600);
				for (const _ of [1, 2]) expect(await world.provider.refund(first)).toEqual({ status: "succeeded" });
				expect(await world.provider.refund(move(reference, 401))).toMatchObject({ status: "declined" });
				expect(await world.provider.refund(move(reference, 400))).toEqual({ status: "succeeded" });
			});

			it("gives nothing back of what was only held", async () => {
				const { reference } = await hold();
				expect(await world.provider.refund(move(reference))).toMatchObject({ status: "declined" });
			});
		});

		describe("letting go", () => {
			it("lets go of what is held, twice as once, and takes nothing afterwards", async () => {
				const { reference } = await hold();
				for (const _ of [1, 2]) expect(await world.provider.void(move(reference))).toEqual({ status: "succeeded" });
				expect(await world.provider.capture(move(reference))).toMatchObject({ status: "declined" });
			});

			it("refuses to let go of what was taken", async () => {
				const { reference } = await hold();
				await world.provider.capture(move(reference));
				expect(await world.provider.void(move(reference))).toMatchObject({ status: "declined" });
			});

			it("refuses an authorization that arrives after its void", async () => {
				const call = aCall(world.tokens.pays);
				const reference = { paymentId: call.paymentId, authorizationKey: call.key, charge: null };
				expect(await world.provider.void(move(reference))).toEqual({ status: "succeeded" });
				expect(await world.provider.authorize(call)).toMatchObject({ status: "declined" });
				expect(await world.provider.lookUpAuthorization(reference)).toEqual({ status: "voided" });
			});
		});

		describe("when an answer got lost", () => {
			it("says by the key what became of an authorization, and that one was never heard of", async () => {
				const { answer, reference } = await hold();
				expect(await world.provider.lookUpAuthorization({ ...reference, charge: null })).toEqual(answer);
				expect(await world.provider.lookUpAuthorization({ ...reference, charge: null, authorizationKey: "int_never" })).toEqual({
					status: "absent",
				});
			});

			it("says by the key what became of a move, and that one was never heard of", async () => {
				const { reference } = await hold();
				const capture = move(reference);
				expect(await world.provider.lookUpMove("capture", capture)).toEqual({ status: "absent" });
				await world.provider.capture(capture);
				expect(await world.provider.lookUpMove("capture", capture)).toEqual({ status: "succeeded" });
				const refund = move(reference, 1001);
				await world.provider.refund(refund);
				// What it refused a provider may forget: sent again, it is refused again.
				expect(["declined", "absent"]).toContain((await world.provider.lookUpMove("refund", refund)).status);
				expect(await world.provider.refund(refund)).toMatchObject({ status: "declined" });
			});

			it("still knows all of it when our process was killed and started again", async () => {
				const { call, answer, reference } = await hold();
				const capture = move(reference);
				await world.provider.capture(capture);
				await world.restart();
				expect(await world.provider.authorize(call)).toEqual(answer);
				expect(await world.provider.capture(capture)).toEqual({ status: "succeeded" });
				expect(await world.provider.lookUpMove("capture", capture)).toEqual({ status: "succeeded" });
			});
		});

		describe("its messages", () => {
			const body = { id: "evt_1", type: "payment.changed", paymentId: newId("pay", 0) };

			it("are read when they are signed and young", () => {
				const { rawBody, signature } = world.message(body);
				expect(world.provider.readWebhook(rawBody, signature)).toMatchObject({ id: body.id, paymentId: body.paymentId });
			});

			it("are refused when they are old, changed or not signed", () => {
				const { rawBody, signature } = world.message(body);
				const old = world.message(body, 301);
				expect(() => world.provider.readWebhook(old.rawBody, old.signature)).toThrow();
				expect(() => world.provider.readWebhook(rawBody.replace("evt_1", "evt_2"), signature)).toThrow();
				expect(() => world.provider.readWebhook(rawBody, undefined)).toThrow();
			});
		});
	});
}
