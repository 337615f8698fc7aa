// The headers that every answer carries. Helmet decides what they are; they are asked of it once, because none depends on the request.
import type { IncomingMessage, ServerResponse } from "node:http";
import helmet, { type HelmetOptions } from "helmet";

export type HeaderSet = Readonly<Record<string, string>>;

function headersOf(options: HelmetOptions): HeaderSet {
	const headers: Record<string, string> = {};
	const noting = {
		setHeader: (name: string, value: string) => {
			headers[name] = value;
		},
		removeHeader: () => undefined,
	};
	helmet(options)({} as IncomingMessage, noting as unknown as ServerResponse, error => {
		if (error) throw error;
	});
	return headers;
}

const policy = (directives: Record<string, string[]>): HelmetOptions => ({
	contentSecurityPolicy: {
		useDefaults: false,
		directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"], "base-uri": ["'none'"], ...directives },
	},
});

/** Answers of the API are data: nothing in them may run or load anything, should a browser ever show one. */
export const headersOfData = headersOf(policy({}));

/** The try-it page loads its own files only. Its library sets style attributes and draws icons from data URLs. */
export const headersOfDocs = headersOf(
	policy({
		"script-src": ["'self'"],
		"style-src": ["'self'", "'unsafe-inline'"],
		"img-src": ["'self'", "data:"],
		"font-src": ["'self'", "data:"],
		"connect-src": ["'self'"],
		"form-action": ["'none'"],
	}),
);

/** Pictures are for other people's pages too, and an SVG that is opened by itself must not run anything. */
export const headersOfMedia = headersOf({
	...policy({ "style-src": ["'unsafe-inline'"], sandbox: [] }),
	crossOriginResourcePolicy: { policy: "cross-origin" },
});
