import { describe, expect, it } from "@jest/globals";
import { type Allowed, judge } from "./judgement.ts";
import { type Counted, Tally } from "./tally.ts";

const problem = (status: number, code: string, more: object = {}) => ({
	status,
	code,
	requestId: "req_1",
	retryable: status === 503,
	...more,
});
function judged(status: number, body: object | string, allowed: readonly Allowed[], headers: Record<string, string> = {}) {
	const type = status >= 400 ? "application/problem+json" : "application/json";
	const text = typeof body === "string" ? body : JSON.stringify(body);
	return judge({ status, headers: new Headers({ "content-type": type, ...headers }), text }, allowed).is;
}

describe("an answer", () => {
	it("is right when it is one of those that tell the truth", () => {
		expect(judged(201, {}, [201, 202])).toBe("right");
		expect(judged(304, "", [200, 304])).toBe("right");
		expect(judged(409, problem(409, "out_of_stock"), [201, "409 out_of_stock"])).toBe("right");
	});

	it("is 'later' when it says so and says when", () => {
		expect(judged(503, problem(503, "service_unavailable"), [200], { "retry-after": "1" })).toBe("later");
		expect(judged(409, problem(409, "idempotency_in_progress"), [201])).toBe("later");
		expect(judged(503, problem(503, "service_unavailable"), [200])).toBe("wrong");
		expect(judged(503, problem(503, "service_unavailable", { retryable: false }), [200], { "retry-after": "1" })).toBe("wrong");
	});

	it("is wrong when it claims what is not so, breaks, or is no problem+json", () => {
		expect(judged(404, problem(404, "not_found"), [200])).toBe("wrong");
		expect(judged(409, problem(409, "out_of_stock"), [201])).toBe("wrong");
		expect(judged(500, problem(500, "internal_error"), [200])).toBe("wrong");
		expect(judged(409, { status: 409, code: "out_of_stock" }, ["409 out_of_stock"])).toBe("wrong");
		expect(judged(409, problem(409, "out_of_stock"), ["409 out_of_stock"], { "content-type": "application/json" })).toBe("wrong");
		expect(judged(200, "<html>", [200])).toBe("wrong");
		expect(judged(200, "", [200])).toBe("wrong");
	});
});

describe("counting what buyers met", () => {
	const read: Counted = { what: "GET /", isRead: true, ending: "right", cutOff: false, ms: 1 };

	it("keeps what was broken meanwhile apart", () => {
		const tally = new Tally();
		tally.count("calm", read);
		tally.count("sql", { ...read, ending: "later", ms: 40 });
		tally.count("sql", { ...read, isRead: false, ending: "wrong", cutOff: true, ms: 7 });
		expect(tally.lines()).toEqual([
			{ weather: "calm", requests: 1, wrong: 0, failedReads: 0, failed: 0, cutOff: 0, slowestMs: 1 },
			{ weather: "sql", requests: 2, wrong: 1, failedReads: 1, failed: 1, cutOff: 1, slowestMs: 40 },
		]);
		expect(tally.wrong).toHaveLength(1);
		expect(tally.failures).toEqual([]);
	});

	it("lets no read fail while a node is killed, and nothing while one is stopped or all is well", () => {
		const tally = new Tally();
		for (const weather of ["calm", "term", "kill", "pause", "nats"]) {
			tally.count(weather, { ...read, ending: "later" });
			tally.count(weather, { ...read, isRead: false, ending: "lost" });
		}
		expect(tally.failures).toHaveLength(5);
	});
});
