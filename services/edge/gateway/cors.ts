// Which pages of other origins may call from a browser: those in STOA_CORS_ORIGINS, and by default none.

const requestHeaders =
	"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Cart-Token, Device-Id, X-Request-Id, traceparent";
const responseHeaders = "ETag, Location, Retry-After, X-Request-Id, Idempotent-Replayed, WWW-Authenticate";
// Browsers ask again after this; the longest that any of them honours is two hours.
const preflightSeconds = 7200;

export interface Cors {
	/** For every answer. Caches must know that it depends on the origin, also where the origin is refused. */
	headersFor(origin: string | undefined): Record<string, string>;
	/** For the answer to OPTIONS, beside `headersFor`; empty for an origin that may not call. */
	preflight(origin: string | undefined, allow: readonly string[]): Record<string, string>;
}

export function corsFor(origins: readonly string[]): Cors {
	const known = new Set(origins);
	const mayCall = (origin: string | undefined): origin is string => origin !== undefined && (known.has(origin) || known.has("*"));
	return {
		headersFor(origin): Record<string, string> {
			if (known.size === 0) return {};
			if (!mayCall(origin)) return { Vary: "Origin" };
			// No credentials: tokens travel in a header that the page itself sets, never by themselves as a cookie would.
			return { Vary: "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": responseHeaders };
		},
		preflight(origin, allow): Record<string, string> {
			if (!mayCall(origin)) return {};
			return {
				"Access-Control-Allow-Methods": allow.join(", "),
				"Access-Control-Allow-Headers": requestHeaders,
				"Access-Control-Max-Age": String(preflightSeconds),
			};
		},
	};
}
