// Every refusal leaves as RFC 9457 problem+json. What a client may know of an error is decided here and nowhere else.
import { STATUS_CODES } from "node:http";
import type { Catalogue } from "../../../lib/catalogue.ts";
import {
	type Flaw,
	internalError,
	isAbsence,
	isFailure,
	kindOf,
	kinds,
	type StoaFailure,
	serviceUnavailable,
} from "../../../lib/failure.ts";

export interface Problem {
	type: string;
	title: string;
	status: number;
	detail: string;
	code: string;
	requestId: string;
	retryable: boolean;
	errors: Flaw[];
}

// Long enough for a heartbeat to be missed or a breaker to try again, short enough that a buyer is still there.
const retryAfterSecondsDefault = 2;

/** The failure a client is told of. An absence is an unavailability; what nobody declared is a defect, and says nothing of itself. */
export function toldFailure(error: unknown): StoaFailure {
	if (isFailure(error)) return kindOf(error) === "defect" ? internalError() : error;
	return isAbsence(error) ? serviceUnavailable() : internalError();
}

/** Whether an operator must hear of it: something broke here, nobody merely was away or asked wrongly. */
export const isDefect = (error: unknown): boolean => kindOf(error) === "defect";

const plainFlaw = ({ pointer, code, detail }: Flaw): Flaw => ({ pointer, code, detail });

/** The body of a refusal. Only the fields of its data that the declaration exposes are added, and none can take the place of a standard one. */
export function problemOf(failure: StoaFailure, requestId: string, failures: Catalogue["failures"]): Problem {
	const kind = kinds[kindOf(failure)];
	const exposed = (failures.get(failure.type)?.expose ?? []).filter(name => failure.data[name] !== undefined);
	return {
		...Object.fromEntries(exposed.map(name => [name, failure.data[name]])),
		type: `urn:stoa:problem:${failure.type}`,
		title: kind.title,
		status: kind.status,
		detail: failure.message,
		code: failure.type,
		requestId,
		retryable: kind.retryable,
		errors: Array.isArray(failure.data.errors) ? failure.data.errors.map(plainFlaw) : [],
	};
}

/** The headers that go with a refusal. `hadToken`: one was sent, so it is the token that is wrong. */
export function problemHeaders(
	failure: StoaFailure,
	{ hadToken, retryAfterSeconds }: { hadToken: boolean; retryAfterSeconds?: number },
): Record<string, string> {
	const headers: Record<string, string> = { "Content-Type": "application/problem+json; charset=utf-8", "Cache-Control": "no-store" };
	const { status } = kinds[kindOf(failure)];
	const asked = retryAfterSeconds ?? failure.data.retryAfterSeconds;
	if (status === 401) headers["WWW-Authenticate"] = hadToken ? 'Bearer realm="stoa", error="invalid_token"' : 'Bearer realm="stoa"';
	if (status === 429 || status === 503)
		headers["Retry-After"] = String(typeof asked === "number" ? Math.max(1, Math.ceil(asked)) : retryAfterSecondsDefault);
	else if (typeof asked === "number") headers["Retry-After"] = String(Math.max(1, Math.ceil(asked)));
	if (status === 405 && Array.isArray(failure.data.allow)) headers.Allow = failure.data.allow.join(", ");
	return headers;
}

/** A whole HTTP/1.1 answer, for what the parser refused before there was a request. */
export function rawProblem(failure: StoaFailure, requestId: string): string {
	const body = JSON.stringify(problemOf(failure, requestId, new Map()));
	const { status } = kinds[kindOf(failure)];
	const headers = {
		...problemHeaders(failure, { hadToken: false }),
		"X-Request-Id": requestId,
		"Content-Length": String(Buffer.byteLength(body)),
		Connection: "close",
	};
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
	return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", body].join("\r\n");
}
