import { afterEach, describe, expect, it } from "@jest/globals";
import Type from "typebox";
import { ConfigError } from "../../../lib/config.ts";
import { action } from "../../../lib/contract.ts";
import { type GatewayUnderTest, startGateway } from "../../../test/support/gateway.ts";
import { addressReader } from "./client-address.ts";
import { addressGroup, type Spending, spend, windowsInMemory } from "./rate-limit.ts";

const given = { params: Type.Object({}), returns: Type.Object({}), allow: "public" as const, summary: "For tests." };
const look = action({ ...given, name: "shelves.look", rest: { method: "GET", path: "/v1/shelves" } });
const signIn = action({ ...given, name: "shelves.signIn", rest: { method: "POST", path: "/v1/auth/login", ignoresToken: true } });

describe("whose request it is", () => {
	it("the peer's, whatever it claims, when no proxy is trusted", () => {
		const addressOf = addressReader([]);
		expect(addressOf("::ffff:192.0.2.1", "203.0.113.9")).toBe("192.0.2.1");
		expect(addressOf(undefined, undefined)).toBe("");
	});

	it("the last address in the chain that no trusted proxy has", () => {
		const addressOf = addressReader(["10.0.0.0/8", "2001:db8::1"]);
		expect(addressOf("10.0.0.1", "203.0.113.9")).toBe("203.0.113.9");
		expect(addressOf("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.2.3.4")).toBe("198.51.100.7");
		expect(addressOf("2001:db8::1", "203.0.113.9")).toBe("203.0.113.9");
		expect(addressOf("192.0.2.1", "203.0.113.9")).toBe("192.0.2.1");
		expect(addressOf("10.0.0.1", undefined)).toBe("10.0.0.1");
	});

	it("what is no address in the chain is not believed, nor what stands before it", () => {
		const addressOf = addressReader(["10.0.0.0/8"]);
		expect(addressOf("10.0.0.1", "203.0.113.9, unknown")).toBe("10.0.0.1");
		expect(addressOf("10.0.0.1", "")).toBe("10.0.0.1");
	});

	it.each(["proxy", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/x", "1"])("a setting of %s stops the start with its name", setting => {
		expect(() => addressReader([setting])).toThrow(ConfigError);
		expect(() => addressReader([setting])).toThrow(`STOA_TRUST_PROXY names "${setting}"`);
	});
});

describe("limits", () => {
	it("count from a key's first request, and begin anew when the window is over", async () => {
		const store = windowsInMemory();
		const by = (key: string) => [{ limit: { name: "x", max: 2, windowMs: 60_000 }, key }];
		await spend(store, by("a"), 1000);
		await spend(store, by("a"), 31_000);
		expect(() => spend(store, by("a"), 31_500)).toThrow("Too many requests. Try again in 30 s.");
		await spend(store, by("b"), 31_500);
		await spend(store, by("a"), 61_000);
	});

	it("count a request that is above one of them against none of those that follow", async () => {
		const store = windowsInMemory();
		const [narrow, wide] = [1, 2].map(max => ({ limit: { name: `x${max}`, max, windowMs: 60_000 }, key: "a" })) as [Spending, Spending];
		await spend(store, [narrow, wide], 0);
		expect(() => spend(store, [narrow, wide], 0)).toThrow("Too many requests");
		await spend(store, [wide], 0);
		expect(() => spend(store, [wide], 0)).toThrow("Too many requests");
	});

	it("count a whole /64 of IPv6 addresses as one", () => {
		expect(addressGroup("192.0.2.1")).toBe("192.0.2.1");
		expect(addressGroup("2001:db8:0:1:aaaa:bbbb:cccc:dddd")).toBe(addressGroup("2001:DB8::1:0:0:0:1"));
		expect(addressGroup("2001:db8:0:2::1")).not.toBe(addressGroup("2001:db8:0:1::1"));
		expect(addressGroup("::1")).toBe("0:0:0:0");
	});
});

describe("a gateway with limits", () => {
	let gateway: GatewayUnderTest;
	afterEach(() => gateway.stop());
	const start = async (env: Record<string, string> = {}) => {
		gateway = await startGateway({
			contracts: { look, signIn },
			answers: [
				[look, () => ({})],
				[signIn, () => ({})],
			],
			env,
		});
	};
	const signingIn = (headers = {}) => gateway.send("POST", "/v1/auth/login", { headers });
	const times = <T>(count: number, work: () => Promise<T>) => Promise.all(Array.from({ length: count }, work));

	it("answers 300 sign-ins of an address in a minute, tells the 301st when to come back, and lets it look around meanwhile", async () => {
		await start();
		const answers = [...(await times(150, signingIn)), ...(await times(150, signingIn))];
		expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
		gateway.clock.move(20_000);
		const refused = await signingIn();
		expect(refused.body).toMatchObject({ status: 429, code: "rate_limited", retryable: true });
		expect(refused.headers["retry-after"]).toBe("40");
		expect((await gateway.send("GET", "/v1/shelves")).status).toBe(200);
		gateway.clock.move(40_000);
		expect((await signingIn()).status).toBe(200);
	});

	it("does not let an address escape by claiming another one, unless a trusted proxy says so", async () => {
		await start();
		await times(300, () => signingIn({ "x-forwarded-for": "203.0.113.9" }));
		expect((await signingIn({ "x-forwarded-for": "203.0.113.10" })).status).toBe(429);
		await gateway.stop();
		await start({ STOA_TRUST_PROXY: "127.0.0.1, ::1" });
		await times(300, () => signingIn({ "x-forwarded-for": "203.0.113.9" }));
		expect((await signingIn({ "x-forwarded-for": "203.0.113.9" })).status).toBe(429);
		expect((await signingIn({ "x-forwarded-for": "203.0.113.10" })).status).toBe(200);
	});

	it("counts a principal wherever it comes from, and never a probe", async () => {
		await start({ STOA_TRUST_PROXY: "127.0.0.1, ::1" });
		let at = 0;
		const token = gateway.bearer("usr_1");
		const from = () => ({ ...token, "x-forwarded-for": `203.0.${at >> 8}.${at++ & 255}` });
		for (let round = 0; round < 30; round++) await times(200, () => gateway.send("GET", "/v1/shelves", { headers: from() }));
		expect((await gateway.send("GET", "/v1/shelves", { headers: from() })).body.code).toBe("rate_limited");
		expect(
			(await gateway.send("GET", "/v1/shelves", { headers: { ...gateway.bearer("usr_2"), "x-forwarded-for": "203.0.113.9" } })).status,
		).toBe(200);
		expect((await gateway.send("GET", "/healthz")).status).toBe(200);
	});

	it("counts nothing when the limits are off", async () => {
		await start({ STOA_RATE_LIMITS: "off" });
		expect(new Set((await times(310, signingIn)).map(({ status }) => status))).toEqual(new Set([200]));
	});
});
