// The environment, read once and checked: a missing or malformed setting stops the start with a sentence that names the variable.
import path from "node:path";

export interface Config {
	production: boolean;
	dataDir: string;
	namespace: string;
	nodeId: string | undefined;
	port: number;
	opsPort: number;
	durability: "full" | "process";
	currency: string;
	adminEmail: string | undefined;
	adminPassword: string | undefined;
	signingKeys: string | undefined;
	hmacSecret: string | undefined;
	payments: "sandbox";
	sandboxWebhookSecret: string | undefined;
	smtpUrl: string | undefined;
	trustProxy: readonly string[];
	corsOrigins: readonly string[];
	rateLimits: boolean;
	services: string;
	/** `point[:n]`: the process kills itself at the n-th passing of the named point. Test builds only. */
	crashAt: string | undefined;
	cartExpiresAfterMs: number;
	logLevel: "fatal" | "error" | "warn" | "info" | "debug";
	/** Development and tests: a callee gets copies of its params, as it would over the wire. */
	cloneParams: boolean;
}

/** A setting that stops the start. The message names the variable and says what to write. */
export class ConfigError extends Error {
	override name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

function oneOf<T extends string>(env: Environment, name: string, allowed: readonly T[], fallback: T): T {
	const value = env[name];
	if (value === undefined || value === "") return fallback;
	if (!(allowed as readonly string[]).includes(value))
		throw new ConfigError(`${name} is "${value}"; it must be one of: ${allowed.join(", ")}.`);
	return value as T;
}

function port(env: Environment, name: string, fallback: number): number {
	const value = env[name];
	if (value === undefined || value === "") return fallback;
	if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) throw new ConfigError(`${name} is "${value}"; it must be a port from 0 to 65535.`);
	return Number(value);
}

function smtpUrl(env: Environment): string | undefined {
	const value = env.STOA_SMTP_URL;
	if (!value) return undefined;
	const url = URL.parse(value);
	// The value is not repeated: it may hold a password.
	if (!url?.hostname || (url.protocol !== "smtp:" && url.protocol !== "smtps:"))
		throw new ConfigError("STOA_SMTP_URL is not the URL of a mail server, such as smtp://user:password@mail.example:587.");
	return value;
}

/** Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds; months and years have no fixed length and are refused. */
export function durationMs(name: string, value: string): number {
	const parts = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/.exec(value);
	if (!parts || value === "P" || value.endsWith("T"))
		throw new ConfigError(`${name} is "${value}"; it must be an ISO 8601 duration such as PT2H or P30D.`);
	const [weeks, days, hours, minutes, seconds] = parts.slice(1).map(part => Number(part ?? 0)) as [number, number, number, number, number];
	return Math.round((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000);
}

// The engines of several nodes come with a later version: until then setting them must stop the start, not be ignored.
const notYet = ["STOA_NATS_URL", "STOA_SQL_URL", "STOA_MONGO_URL", "STOA_REDIS_URL"];

/** Reads and checks every variable of DESIGN section 8. Throws {@link ConfigError}. */
export function readConfig(env: Environment): Config {
	for (const name of notYet) {
		if (env[name]) throw new ConfigError(`${name} is set, but this version runs on its embedded engines only. Unset it.`);
	}
	const production = env.NODE_ENV === "production";
	const currency = env.STOA_CURRENCY || "EUR";
	if (!/^[A-Z]{3}$/.test(currency)) throw new ConfigError(`STOA_CURRENCY is "${currency}"; it must be an ISO 4217 code such as EUR.`);
	if (Boolean(env.STOA_ADMIN_EMAIL) !== Boolean(env.STOA_ADMIN_PASSWORD))
		throw new ConfigError("STOA_ADMIN_EMAIL and STOA_ADMIN_PASSWORD must be set together.");
	if (env.STOA_ADMIN_PASSWORD && (env.STOA_ADMIN_PASSWORD.length < 12 || env.STOA_ADMIN_PASSWORD.length > 128))
		throw new ConfigError("STOA_ADMIN_PASSWORD must have 12 to 128 characters.");
	if (env.STOA_HMAC_SECRET && Buffer.from(env.STOA_HMAC_SECRET, "base64").length < 32)
		throw new ConfigError("STOA_HMAC_SECRET must be at least 32 bytes, base64.");
	const rateLimits = oneOf(env, "STOA_RATE_LIMITS", ["on", "off"], "on") === "on";
	if (production) {
		for (const name of ["STOA_SIGNING_KEYS", "STOA_HMAC_SECRET", "STOA_PAYMENTS", "STOA_ADMIN_EMAIL", "STOA_ADMIN_PASSWORD"]) {
			if (!env[name]) throw new ConfigError(`${name} must be set in production.`);
		}
		if (env.STOA_PAYMENTS === "sandbox" && !env.STOA_SANDBOX_WEBHOOK_SECRET)
			throw new ConfigError("STOA_SANDBOX_WEBHOOK_SECRET must be set in production with STOA_PAYMENTS=sandbox.");
		if (!rateLimits) throw new ConfigError("STOA_RATE_LIMITS=off is refused in production.");
		if (env.CRASH_AT) throw new ConfigError("CRASH_AT is refused in production.");
	}
	const payments = oneOf(env, "STOA_PAYMENTS", ["sandbox"], "sandbox");
	return {
		production,
		dataDir: path.resolve(env.STOA_DATA_DIR || "data"),
		namespace: env.STOA_NAMESPACE || "stoa",
		nodeId: env.STOA_NODE_ID || undefined,
		port: port(env, "STOA_PORT", 3000),
		opsPort: port(env, "STOA_OPS_PORT", 3030),
		durability: oneOf(env, "STOA_DURABILITY", ["full", "process"], "full"),
		currency,
		adminEmail: env.STOA_ADMIN_EMAIL || undefined,
		adminPassword: env.STOA_ADMIN_PASSWORD || undefined,
		signingKeys: env.STOA_SIGNING_KEYS || undefined,
		hmacSecret: env.STOA_HMAC_SECRET || undefined,
		payments,
		sandboxWebhookSecret: env.STOA_SANDBOX_WEBHOOK_SECRET || undefined,
		smtpUrl: smtpUrl(env),
		trustProxy: list(env.STOA_TRUST_PROXY),
		corsOrigins: list(env.STOA_CORS_ORIGINS),
		rateLimits,
		services: env.SERVICES || "",
		crashAt: env.CRASH_AT || undefined,
		cartExpiresAfterMs: durationMs("STOA_CART_EXPIRES_AFTER", env.STOA_CART_EXPIRES_AFTER || "P30D"),
		logLevel: oneOf(env, "STOA_LOG_LEVEL", ["fatal", "error", "warn", "info", "debug"], "warn"),
		cloneParams: env.NODE_ENV === "test",
	};
}

const list = (value: string | undefined) =>
	(value ?? "")
		.split(",")
		.map(part => part.trim())
		.filter(Boolean);
