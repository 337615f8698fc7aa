// A refusal is part of a contract: declared once, thrown as a sentence, recognised by its code on any node.

/** What kind of refusal it is; the kind decides the HTTP status and whether trying again can help. */
export type FailureKind =
	| "malformed"
	| "unauthenticated"
	| "forbidden"
	| "notFound"
	| "methodNotAllowed"
	| "conflict"
	| "stale"
	| "tooLarge"
	| "unsupportedMedia"
	| "invalid"
	| "refused"
	| "limited"
	| "headersTooLarge"
	| "defect"
	| "unavailable";

export const kinds: Readonly<Record<FailureKind, { status: number; retryable: boolean; title: string }>> = {
	malformed: { status: 400, retryable: false, title: "The request cannot be read" },
	unauthenticated: { status: 401, retryable: false, title: "Sign in first" },
	forbidden: { status: 403, retryable: false, title: "Not allowed" },
	notFound: { status: 404, retryable: false, title: "Not found" },
	methodNotAllowed: { status: 405, retryable: false, title: "Method not allowed" },
	conflict: { status: 409, retryable: false, title: "The present state does not allow this" },
	stale: { status: 412, retryable: false, title: "Changed since it was read" },
	tooLarge: { status: 413, retryable: false, title: "Too large" },
	unsupportedMedia: { status: 415, retryable: false, title: "Unsupported media type" },
	invalid: { status: 422, retryable: false, title: "The request is not valid" },
	refused: { status: 422, retryable: false, title: "Refused" },
	limited: { status: 429, retryable: true, title: "Too many requests" },
	headersTooLarge: { status: 431, retryable: false, title: "Header fields too large" },
	defect: { status: 500, retryable: false, title: "Something broke on our side" },
	unavailable: { status: 503, retryable: true, title: "Temporarily unavailable" },
};

/** One wrong place in a request: a JSON pointer, a stable code, a sentence. */
export interface Flaw {
	pointer: string;
	code: string;
	detail: string;
}

/** What may travel beside a failure's code: `errors` and whatever `expose` names reach the client, the rest stays in the mesh. */
export type FailureData = Record<string, unknown> & { errors?: Flaw[] };

/**
 * The error that travels. Moleculer carries `code`, `type`, `data` and `retryable` over the wire but no class,
 * so nothing may ask `instanceof`: recognise by `type` through {@link FailureType.matches}.
 */
export class StoaFailure extends Error {
	readonly code: number;
	readonly type: string;
	readonly data: FailureData;
	readonly retryable: boolean;

	constructor(kind: FailureKind, type: string, message: string, data: FailureData) {
		super(message);
		this.name = "StoaFailure";
		this.code = kinds[kind].status;
		this.type = type;
		this.data = { ...data, kind };
		this.retryable = kinds[kind].retryable;
	}
}

export interface FailureType<Data extends object | void = void> {
	(data: Data): StoaFailure;
	readonly code: string;
	readonly kind: FailureKind;
	/** Fields of `data` that a client may see in the problem body. */
	readonly expose: readonly string[];
	/** Works for errors that crossed the wire. */
	matches(error: unknown): error is StoaFailure;
}

/**
 * Declares a refusal. `code` is `snake_case` and unique in the house (a house test checks it); `message` is for a person
 * and must hold no secret; fields named in `expose` are added to the problem body.
 */
export function failure<Data extends object | void = void>(
	kind: FailureKind,
	code: string,
	message: (data: Data) => string,
	expose: readonly string[] = [],
): FailureType<Data> {
	const make = (data: Data) => new StoaFailure(kind, code, message(data), { ...(data as FailureData | undefined) });
	return Object.assign(make, {
		code,
		kind,
		expose,
		matches: (error: unknown): error is StoaFailure => codeOf(error) === code,
	});
}

/** The stable code of a failure, also of one that crossed the wire; undefined for anything that is not ours. */
export function codeOf(error: unknown): string | undefined {
	return isFailure(error) ? error.type : undefined;
}

/** The kind of a failure; what is not a failure of ours is a defect or, when the mesh itself refused, unavailable. */
export function kindOf(error: unknown): FailureKind {
	if (isFailure(error)) return error.data.kind as FailureKind;
	return isAbsence(error) ? "unavailable" : "defect";
}

/** Whether an error is one of ours, wherever it was thrown. */
export function isFailure(error: unknown): error is StoaFailure {
	const data = (error as StoaFailure | undefined)?.data;
	return typeof data?.kind === "string" && data.kind in kinds;
}

/** The mesh could not reach an answer: nobody there, no time left, the circuit open. The outcome of a write is then unknown. */
export function isAbsence(error: unknown): boolean {
	const name = (error as Error | undefined)?.name;
	return (
		name === "ServiceNotFoundError" ||
		name === "ServiceNotAvailableError" ||
		name === "RequestTimeoutError" ||
		name === "RequestSkippedError" ||
		name === "RequestRejectedError" ||
		name === "QueueIsFullError" ||
		name === "BrokerDisconnectedError"
	);
}

/** A definite refusal of the business: repeating the same request changes nothing. Everything else may have happened or may yet work. */
export function isDefinite(error: unknown): boolean {
	return isFailure(error) && kindOf(error) !== "unavailable" && kindOf(error) !== "defect" && kindOf(error) !== "limited";
}

// The failures every service may throw.
export const notFound = failure<{ what?: string } | void>("notFound", "not_found", () => "There is nothing here that you may see.");
export const validationFailed = failure<{ errors: Flaw[] }>("invalid", "validation_failed", ({ errors }) =>
	errors.map(flaw => `${flaw.pointer || "/"}: ${flaw.detail}`).join("; "),
);
export const unauthenticated = failure("unauthenticated", "unauthenticated", () => "A valid access token is needed.");
export const tokenExpired = failure("unauthenticated", "token_expired", () => "The access token is no longer valid. Refresh it.");
export const permissionMissing = failure<{ permission: string }>(
	"forbidden",
	"permission_missing",
	({ permission }) => `This needs the permission ${permission}.`,
);
export const versionStale = failure("stale", "version_stale", () => "It was changed since you read it. Read it again.");
export const serviceUnavailable = failure<{ service?: string; retryAfterSeconds?: number } | void>(
	"unavailable",
	"service_unavailable",
	data => (data?.service ? `${data.service} cannot be reached at the moment.` : "A part of the shop cannot be reached at the moment."),
);
export const internalError = failure("defect", "internal_error", () => "Something broke on our side; it has been recorded.");
export const rateLimited = failure<{ retryAfterSeconds: number }>(
	"limited",
	"rate_limited",
	({ retryAfterSeconds }) => `Too many requests. Try again in ${retryAfterSeconds} s.`,
);
export const currencyMismatch = failure<{ given: string; shop: string }>(
	"refused",
	"currency_mismatch",
	({ given, shop }) => `This shop trades in ${shop}, not in ${given}.`,
);
