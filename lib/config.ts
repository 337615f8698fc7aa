// The environment, read once and checked: a missing or malformed setting stops the start with a sentence that names the variable.
import fs from "node:fs";
import path from "node:path";
import { parseDuration } from "./duration.ts";

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
	/** NATS for calls and durable events; undefined: one process. */
	nats: NatsSettings | undefined;
	/** `mysql://…` without a database; undefined: SQLite files. */
	sqlUrl: string | undefined;
	/** The most connections of one service's store on one node. */
	sqlPool: number;
	mongoUrl: string | undefined;
	redisUrl: string | undefined;
	payments: "sandbox" | "stripe";
	stripe: StripeSettings | undefined;
	sandboxWebhookSecret: string | undefined;
	smtpUrl: string | undefined;
	/** Where SMS and push messages are posted; undefined: nothing carries them. */
	notifyWebhooks: NotifyWebhooks;
	trustProxy: readonly string[];
	corsOrigins: readonly string[];
	rateLimits: boolean;
	services: string;
	/** `point[:n]`: the process kills itself at the n-th passing of the named point. Test builds only. */
	crashAt: string | undefined;
	/** An open cart left so long is told of as abandoned. */
	cartAbandonedAfterMs: number;
	/** An open cart left so long ends. */
	cartExpiresAfterMs: number;
	/** How long a checkout waits for risk. Without an answer it passes below so many minor units, and is held for review from there on. */
	riskTimeoutMs: number;
	riskPassBelow: number;
	/** How long an order is held for an analyst before it is undone. */
	reviewWithinMs: number;
	logLevel: "fatal" | "error" | "warn" | "info" | "debug";
	/** Development and tests: a callee gets copies of its params, as it would over the wire. */
	cloneParams: boolean;
}

export interface NatsSettings {
	/** `nats://` or `tls://`; several, comma separated, are one cluster. */
	servers: string[];
	user: string | undefined;
	password: string | undefined;
	/** File of the certificate authority; given, the connection is encrypted and verified by it. */
	caFile: string | undefined;
	/** Copies of the stream of facts; more than one needs a cluster of as many servers. */
	replicas: number;
}

export interface StripeSettings {
	key: string;
	/** Stripe's own address when undefined. */
	url: string | undefined;
	webhookSecret: string;
	/** The shop's page to which the buyer's bank sends the buyer back; undefined: the shop asks the buyer itself, through Stripe.js. */
	returnUrl: string | undefined;
}

export interface WebhookSettings {
	url: string;
	/** Signs what is posted there. */
	secret: string;
}
export interface NotifyWebhooks {
	sms: WebhookSettings | undefined;
	push: WebhookSettings | undefined;
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

/** A URL of one of the protocols, or undefined when unset. The value is never repeated: it may hold a password. */
function serverUrl(env: Environment, name: string, protocols: readonly string[], example: string): string | undefined {
	const value = env[name];
	if (!value) return undefined;
	const url = URL.parse(value);
	if (!url?.hostname || !protocols.includes(url.protocol)) throw new ConfigError(`${name} is not a URL such as ${example}.`);
	return value;
}

function sqlUrl(env: Environment): string | undefined {
	const example = "mysql://user:password@db.example:3306";
	const value = serverUrl(env, "STOA_SQL_URL", ["mysql:", "mariadb:"], example);
	if (value && URL.parse(value)!.pathname.length > 1)
		throw new ConfigError(`STOA_SQL_URL names a database; every service has its own, so it must end after the port: ${example}.`);
	return value;
}

/** Hosts of a replica set stand comma separated, which no URL parser takes. */
function mongoUrl(env: Environment): string | undefined {
	const value = env.STOA_MONGO_URL;
	if (value && !/^mongodb(\+srv)?:\/\/[^/\s]+/.test(value))
		throw new ConfigError("STOA_MONGO_URL is not a URL such as mongodb://user:password@db.example:27017.");
	return value || undefined;
}

function natsSettings(env: Environment): NatsSettings | undefined {
	const servers = list(env.STOA_NATS_URL);
	if (servers.length === 0) {
		const [orphan] = ["STOA_NATS_USER", "STOA_NATS_PASSWORD", "STOA_NATS_CA"].filter(name => env[name]);
		if (orphan) throw new ConfigError(`${orphan} is set without STOA_NATS_URL.`);
		return undefined;
	}
	for (const server of servers) {
		const url = URL.parse(server);
		if (!url?.hostname || (url.protocol !== "nats:" && url.protocol !== "tls:"))
			throw new ConfigError("STOA_NATS_URL is not a URL such as nats://nats.example:4222.");
		if (url.username || url.password)
			throw new ConfigError("STOA_NATS_URL holds credentials; they belong into STOA_NATS_USER and STOA_NATS_PASSWORD.");
	}
	if (Boolean(env.STOA_NATS_USER) !== Boolean(env.STOA_NATS_PASSWORD))
		throw new ConfigError("STOA_NATS_USER and STOA_NATS_PASSWORD must be set together.");
	const caFile = env.STOA_NATS_CA || undefined;
	if (caFile && !fs.existsSync(caFile)) throw new ConfigError(`STOA_NATS_CA is "${caFile}", but there is no such file.`);
	return {
		servers,
		user: env.STOA_NATS_USER || undefined,
		password: env.STOA_NATS_PASSWORD || undefined,
		caFile,
		replicas: Number(oneOf(env, "STOA_NATS_REPLICAS", ["1", "3", "5"], "1")),
	};
}

function stripeSettings(env: Environment, payments: Config["payments"]): StripeSettings | undefined {
	// Only the node that asks Stripe needs its secrets; the others merely know who the provider is.
	if (payments !== "stripe" || !runs(env, "commerce/payments")) return undefined;
	for (const name of ["STOA_STRIPE_KEY", "STOA_STRIPE_WEBHOOK_SECRET"])
		if (!env[name]) throw new ConfigError(`${name} must be set with STOA_PAYMENTS=stripe.`);
	const url = serverUrl(env, "STOA_STRIPE_URL", ["http:", "https:"], "https://api.stripe.example");
	const returnUrl = serverUrl(env, "STOA_STRIPE_RETURN_URL", ["http:", "https:"], "https://shop.example/paid");
	return { key: env.STOA_STRIPE_KEY!, url, webhookSecret: env.STOA_STRIPE_WEBHOOK_SECRET!, returnUrl };
}

function notifyWebhooks(env: Environment): NotifyWebhooks {
	const secret = env.STOA_NOTIFY_WEBHOOK_SECRET;
	const hook = (name: string): WebhookSettings | undefined => {
		const url = serverUrl(env, name, ["http:", "https:"], "https://messages.example/stoa");
		// Only the node that posts there needs the secret.
		if (!url || !runs(env, "notification/notifications")) return undefined;
		if (URL.parse(url)!.username) throw new ConfigError(`${name} holds credentials; who posts there is proven by the signature.`);
		if (!secret) throw new ConfigError(`STOA_NOTIFY_WEBHOOK_SECRET must be set with ${name}.`);
		if (secret.length < 16) throw new ConfigError("STOA_NOTIFY_WEBHOOK_SECRET must have 16 characters or more.");
		return { url, secret };
	};
	const hooks = { sms: hook("STOA_SMS_WEBHOOK_URL"), push: hook("STOA_PUSH_WEBHOOK_URL") };
	if (secret && !env.STOA_SMS_WEBHOOK_URL && !env.STOA_PUSH_WEBHOOK_URL)
		throw new ConfigError("STOA_NOTIFY_WEBHOOK_SECRET is set without STOA_SMS_WEBHOOK_URL or STOA_PUSH_WEBHOOK_URL.");
	return hooks;
}

/** It begins schema, stream and key names on every server, so it keeps to what all of them take. */
function namespaceOf(env: Environment): string {
	const value = env.STOA_NAMESPACE || "stoa";
	if (!/^[a-z][a-z0-9_]{0,30}$/.test(value))
		throw new ConfigError(`STOA_NAMESPACE is "${value}"; it must be 1 to 31 lower case letters, digits and underscores, a letter first.`);
	return value;
}

function poolSize(env: Environment): number {
	const value = env.STOA_SQL_POOL || "8";
	if (!/^\d{1,3}$/.test(value) || Number(value) < 2)
		throw new ConfigError(`STOA_SQL_POOL is "${value}"; it must be a number from 2 to 999.`);
	return Number(value);
}

function durationMs(name: string, value: string): number {
	const ms = parseDuration(value);
	if (ms === undefined) throw new ConfigError(`${name} is "${value}"; it must be an ISO 8601 duration such as PT2H or P30D.`);
	return ms;
}

/** How long something lasts, which is no time at all only by mistake. */
function lifeMs(env: Environment, name: string, fallback: string): number {
	const ms = durationMs(name, env[name] || fallback);
	if (ms === 0) throw new ConfigError(`${name} is "${env[name]}"; it must be longer than nothing.`);
	return ms;
}

function minorUnits(env: Environment, name: string, fallback: string): number {
	const value = env[name] || fallback;
	if (!/^\d{1,15}$/.test(value)) throw new ConfigError(`${name} is "${value}"; it must be a whole number of minor units, such as 10000.`);
	return Number(value);
}

/** What production demands, and of the nodes that run which service: no node needs to be handed a secret that it has no use for. */
const demanded: readonly (readonly [name: string, service?: string])[] = [
	["STOA_SIGNING_KEYS"],
	["STOA_HMAC_SECRET"],
	["STOA_PAYMENTS", "commerce/payments"],
	["STOA_ADMIN_EMAIL", "identity/authentication"],
	["STOA_ADMIN_PASSWORD", "identity/authentication"],
];

/** Whether a node of this environment runs the service (`domain/name`). */
function runs(env: Environment, service: string): boolean {
	const folders = list(env.SERVICES).map(name => name.replace(/\/+$/, ""));
	return folders.length === 0 || folders.some(folder => service === folder || service.startsWith(`${folder}/`));
}

/** Reads and checks every variable of DESIGN section 8. Throws {@link ConfigError}. */
export function readConfig(env: Environment): Config {
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
		for (const [name, service] of demanded) {
			if (!env[name] && (!service || runs(env, service))) throw new ConfigError(`${name} must be set in production.`);
		}
		if (env.STOA_PAYMENTS === "sandbox" && !env.STOA_SANDBOX_WEBHOOK_SECRET && runs(env, "commerce/payments"))
			throw new ConfigError("STOA_SANDBOX_WEBHOOK_SECRET must be set in production with STOA_PAYMENTS=sandbox.");
		if (!rateLimits) throw new ConfigError("STOA_RATE_LIMITS=off is refused in production.");
		if (env.CRASH_AT) throw new ConfigError("CRASH_AT is refused in production.");
	}
	const payments = oneOf(env, "STOA_PAYMENTS", ["sandbox", "stripe"], "sandbox");
	return {
		production,
		dataDir: path.resolve(env.STOA_DATA_DIR || "data"),
		namespace: namespaceOf(env),
		nodeId: env.STOA_NODE_ID || undefined,
		port: port(env, "STOA_PORT", 3000),
		opsPort: port(env, "STOA_OPS_PORT", 3030),
		durability: oneOf(env, "STOA_DURABILITY", ["full", "process"], "full"),
		currency,
		adminEmail: env.STOA_ADMIN_EMAIL || undefined,
		adminPassword: env.STOA_ADMIN_PASSWORD || undefined,
		signingKeys: env.STOA_SIGNING_KEYS || undefined,
		hmacSecret: env.STOA_HMAC_SECRET || undefined,
		nats: natsSettings(env),
		sqlUrl: sqlUrl(env),
		sqlPool: poolSize(env),
		mongoUrl: mongoUrl(env),
		redisUrl: serverUrl(env, "STOA_REDIS_URL", ["redis:", "rediss:"], "redis://:password@cache.example:6379"),
		payments,
		stripe: stripeSettings(env, payments),
		sandboxWebhookSecret: env.STOA_SANDBOX_WEBHOOK_SECRET || undefined,
		smtpUrl: serverUrl(env, "STOA_SMTP_URL", ["smtp:", "smtps:"], "smtp://user:password@mail.example:587"),
		notifyWebhooks: notifyWebhooks(env),
		trustProxy: list(env.STOA_TRUST_PROXY),
		corsOrigins: list(env.STOA_CORS_ORIGINS),
		rateLimits,
		services: env.SERVICES || "",
		crashAt: env.CRASH_AT || undefined,
		cartAbandonedAfterMs: lifeMs(env, "STOA_CART_ABANDONED_AFTER", "PT2H"),
		cartExpiresAfterMs: lifeMs(env, "STOA_CART_EXPIRES_AFTER", "P30D"),
		// Not the 80 ms within which risk decides: a rush makes its answers late, and must not open the door. Within the 8 s that a checkout's request waits.
		riskTimeoutMs: lifeMs(env, "STOA_RISK_TIMEOUT", "PT3S"),
		riskPassBelow: minorUnits(env, "STOA_RISK_PASS_BELOW", "10000"),
		reviewWithinMs: lifeMs(env, "STOA_REVIEW_WITHIN", "PT72H"),
		logLevel: oneOf(env, "STOA_LOG_LEVEL", ["fatal", "error", "warn", "info", "debug"], "warn"),
		cloneParams: env.NODE_ENV === "test",
	};
}

const list = (value: string | undefined) =>
	(value ?? "")
		.split(",")
		.map(part => part.trim())
		.filter(Boolean);
