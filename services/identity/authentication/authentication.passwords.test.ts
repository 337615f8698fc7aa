import { describe, expect, it } from "@jest/globals";
import { houseCost, Passwords, phcString, readPhc } from "./authentication.passwords.ts";

const cheap = { memoryKiB: 64, passes: 1, parallelism: 1 };

describe("a password hash", () => {
	it("names its algorithm and cost, and fits its password alone", async () => {
		const passwords = new Passwords();
		const hash = await passwords.hash("correct horse");
		expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
		expect(await passwords.fits("correct horse", hash)).toBe(true);
		expect(await passwords.fits("correct horsE", hash)).toBe(false);
	});

	it("is another one each time", async () => {
		const passwords = new Passwords({ cost: cheap });
		expect(await passwords.hash("same")).not.toBe(await passwords.hash("same"));
	});

	it("keeps fitting when the house makes dearer ones", async () => {
		const old = await new Passwords({ cost: cheap }).hash("correct horse");
		expect(await new Passwords({ cost: { ...cheap, passes: 2 } }).fits("correct horse", old)).toBe(true);
	});

	it("is the one the reference implementation makes", async () => {
		// argon2 command line of the reference: echo -n "password" | argon2 somesalt -id -t 2 -k 65536 -p 1
		const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
		expect(await new Passwords().fits("password", reference)).toBe(true);
	});

	it("is written and read without loss, and nothing else is read", () => {
		const kept = { ...houseCost, salt: Buffer.from("0123456789abcdef"), hash: Buffer.alloc(32, 7) };
		expect(readPhc(phcString(kept))).toEqual(kept);
		expect(() => readPhc("$2b$10$abcdefghijklmnopqrstuv")).toThrow(TypeError);
	});

	it("costs the same work for nobody, and fits nobody", async () => {
		const passwords = new Passwords();
		const hash = await passwords.hash("correct horse");
		/** The shortest of five: a busy machine makes work longer, never shorter. */
		const shortest = async (kept: string | null) => {
			const times: number[] = [];
			for (let n = 0; n < 5; n++) {
				const began = performance.now();
				expect(await passwords.fits("wrong", kept)).toBe(false);
				times.push(performance.now() - began);
			}
			return Math.min(...times);
		};
		// A ratio, and a loose one: what it must catch is a branch that skips the work.
		expect((await shortest(null)) / (await shortest(hash))).toBeGreaterThan(0.25);
	});
});

describe("the queue of hashes", () => {
	it("refuses what comes when too many wait, and goes on when they are through", async () => {
		const passwords = new Passwords({ cost: cheap, concurrency: 1, waitingMax: 2 });
		const asked = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash("x")));
		expect(asked.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"]);
		for (const answer of asked)
			if (answer.status === "rejected") expect(answer.reason).toMatchObject({ type: "service_unavailable", retryable: true });
		await passwords.hash("x");
	});

	it("gives a place back when a hash cannot be made", async () => {
		const passwords = new Passwords({ cost: cheap, concurrency: 1, waitingMax: 0 });
		await expect(passwords.fits("x", "no hash")).rejects.toThrow(TypeError);
		await passwords.hash("x");
	});
});
