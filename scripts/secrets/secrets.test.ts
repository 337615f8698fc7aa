import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { makeRuntime } from "../../lib/runtime.ts";
import { tokensOf } from "../../lib/tokens.ts";
import { makeSecrets } from "./secrets.ts";

const program = path.resolve(import.meta.dirname, "../secrets.ts");
const asked = { admin: "you@shop.example", payments: "sandbox" } as const;

describe("the secrets of a deployment", () => {
	it("are other ones every time, and no two passwords are the same", () => {
		const first = makeSecrets({ ...asked, target: "kubernetes" });
		const second = makeSecrets({ ...asked, target: "kubernetes" });
		const kept = ["STOA_ADMIN_EMAIL"];
		expect(Object.keys(first).filter(name => first[name] === second[name])).toEqual(kept);
		expect(new Set(Object.values(first)).size).toBe(Object.keys(first).length);
	});

	it("sign tokens that verify", () => {
		const { STOA_SIGNING_KEYS, STOA_HMAC_SECRET } = makeSecrets({ ...asked, target: "compose" });
		const tokens = tokensOf(makeRuntime({ env: { STOA_SIGNING_KEYS, STOA_HMAC_SECRET } }));
		const token = tokens.sign({ userId: "usr_1", sessionId: "ses_1", roles: ["customer"], roleVersion: 1 });
		expect(tokens.verify(token, true).userId).toBe("usr_1");
	});

	it("need no quotes in a URL, a shell or an environment file, but for the keys, which are JSON on one line", () => {
		const { STOA_SIGNING_KEYS, ...others } = makeSecrets({ ...asked, target: "kubernetes" });
		expect(Object.entries(others).filter(([, value]) => !/^[\w.:@/?=&+-]+$/.test(value))).toEqual([]);
		expect(STOA_SIGNING_KEYS).not.toMatch(/[\n'#$\s]/);
	});

	it("of Stripe are Stripe's to give: their places are left empty", () => {
		const secrets = makeSecrets({ ...asked, payments: "stripe", target: "compose" });
		expect(secrets).toMatchObject({ STOA_PAYMENTS: "stripe", STOA_STRIPE_KEY: "", STOA_STRIPE_WEBHOOK_SECRET: "" });
		expect(secrets).not.toHaveProperty("STOA_SANDBOX_WEBHOOK_SECRET");
	});
});

describe("the program", () => {
	let folder: string;
	beforeEach(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-secrets-"));
	});
	afterEach(() => fs.rmSync(folder, { recursive: true }));
	const run = (...words: string[]) => spawnSync(process.execPath, [program, ...words], { encoding: "utf8" });

	it("writes a file that only its owner may read, and never over one that is there", () => {
		const file = path.join(folder, ".env");
		execFileSync(process.execPath, [program, file, "--admin", asked.admin, "--payments", "sandbox"]);
		const text = fs.readFileSync(file, "utf8");
		expect(fs.statSync(file).mode & 0o777).toBe(0o600);
		expect(text).toContain("STOA_ADMIN_EMAIL=you@shop.example\n");
		const again = run(file, "--admin", asked.admin, "--payments", "sandbox");
		expect([again.status, fs.readFileSync(file, "utf8")]).toEqual([1, text]);
	});

	it("does nothing when the card provider was not chosen in so many words", () => {
		const { status, stdout } = run(path.join(folder, ".env"), "--admin", asked.admin);
		expect([status, fs.readdirSync(folder)]).toEqual([1, []]);
		expect(stdout).toContain("--payments");
	});

	it("prints no secret", () => {
		const file = path.join(folder, ".env");
		const { stdout, stderr } = run(file, "--admin", asked.admin, "--payments", "sandbox");
		const values = fs
			.readFileSync(file, "utf8")
			.split("\n")
			.map(line => line.slice(line.indexOf("=") + 1))
			.filter(value => value.length >= 20);
		expect(values.filter(value => (stdout + stderr).includes(value))).toEqual([]);
	});
});
