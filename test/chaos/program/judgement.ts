// Whether an answer may be what it is, looking at nothing but the request and the answer.

/** A status, or a status with its problem code: `409 out_of_stock`. */
export type Allowed = number | `${number} ${string}`;

export interface Seen {
	status: number;
	headers: Headers;
	text: string;
}

/** `right`: what was asked for, or a refusal that fits. `later`: not now, and it says so. Anything else is wrong, with why. */
export type Judged = { is: "right" | "later" } | { is: "wrong"; why: string };

const right: Judged = { is: "right" };
const later: Judged = { is: "later" };
const wrong = (why: string): Judged => ({ is: "wrong", why });

interface Problem {
	status?: unknown;
	code?: unknown;
	requestId?: unknown;
	retryable?: unknown;
}

function parsed(text: string): Record<string, unknown> | undefined {
	try {
		return JSON.parse(text) as Record<string, unknown>;
	} catch {
		return undefined;
	}
}

function judgeProblem({ status, headers, text }: Seen, problem: Problem, allowed: readonly Allowed[]): Judged {
	const code = String(problem.code);
	if (!headers.get("content-type")?.startsWith("application/problem+json")) return wrong(`${status} is no problem+json`);
	if (problem.status !== status || typeof problem.code !== "string" || typeof problem.requestId !== "string")
		return wrong(`${status} is no whole problem: ${text.slice(0, 200)}`);
	if (allowed.includes(status) || allowed.includes(`${status} ${code}`)) return right;
	if (status === 503) {
		if (!/^[1-9]\d*$/.test(headers.get("retry-after") ?? "")) return wrong(`503 ${code} without Retry-After`);
		return problem.retryable === true ? later : wrong(`503 ${code} that says it need not be tried again`);
	}
	return code === "idempotency_in_progress" ? later : wrong(`${status} ${code}: ${text.slice(0, 300)}`);
}

/** What is allowed names every answer that tells the truth; "not now" (503, or 409 while the first is under way) always may be. */
export function judge(seen: Seen, allowed: readonly Allowed[]): Judged {
	const { status, text } = seen;
	if (status === 304 || status === 204) {
		if (text !== "") return wrong(`${status} with a body`);
		return allowed.includes(status) ? right : wrong(`${status} was not to be expected`);
	}
	const body = parsed(text);
	if (!body) return wrong(`${status} with a body that is no JSON: ${text.slice(0, 200)}`);
	if (status >= 400) return judgeProblem(seen, body, allowed);
	return allowed.includes(status) ? right : wrong(`${status} was not to be expected: ${text.slice(0, 200)}`);
}
