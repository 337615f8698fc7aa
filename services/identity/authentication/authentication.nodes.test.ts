// Two nodes of authentication on one SQL server.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { anEmail, from } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as authentication from "./authentication.contract.ts";
import { failuresMax } from "./authentication.domain.ts";
import type { Authentication } from "./authentication.sessions.ts";

describeWith("sql")("two nodes on one SQL server", () => {
	const nodes: Stoa[] = [];

	beforeAll(async () => {
		const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
		const env = {
			STOA_SQL_URL: await sharedServer("sql"),
			STOA_NAMESPACE: `t${newId("usr", Date.now()).slice(-16).toLowerCase()}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
			STOA_SIGNING_KEYS: JSON.stringify({ keys: [jwk] }),
		};
		for (let n = 0; n < 2; n++) nodes.push(await startStoa({ services: ["identity"], env }));
	}, 120_000);
	afterAll(() => Promise.all(nodes.map(node => node.stop())));

	it("judge ten failed attempts of an account and address between them, also when all come at once and are the first", async () => {
		const email = anEmail();
		const attempt = (n: number) =>
			ask(nodes[n % 2]!.broker, authentication.login, { email, password: "not the password" }, { meta: from("10.9.0.1") }).catch(
				error => error.type,
			);
		const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => attempt(n)));
		expect(answers.filter(type => type === "invalid_credentials")).toHaveLength(10);
		expect(answers.filter(type => type === "rate_limited")).toHaveLength(20);
		for (const n of [0, 1]) expect(await attempt(n)).toBe("rate_limited");
	});

	it("count attempts that come to their judgement in the same moment, before there is anything to lock", async () => {
		const judge = ({ service }: Stoa) =>
			service<Authentication>("authentication").store.transaction(async tx => {
				await tx.lockAttempts("somebody somewhere");
				const isOneTooMany = (await tx.failuresOf("somebody somewhere")).length >= failuresMax;
				if (!isOneTooMany) await tx.recordFailure("somebody somewhere");
				return isOneTooMany;
			});
		const judged = await Promise.all(Array.from({ length: 40 }, (_, n) => judge(nodes[n % 2]!)));
		expect(judged.filter(isOneTooMany => !isOneTooMany)).toHaveLength(failuresMax);
	});
});
