// The one place that touches JSON Web Tokens: ES256, RFC 9068 type `at+jwt`, everything that can be demanded is demanded.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import { ConfigError } from "./config.ts";
import { secretFile } from "./crypto.ts";
import { tokenExpired, unauthenticated } from "./failure.ts";
import type { Principal } from "./principal.ts";
import type { Runtime } from "./runtime.ts";

const issuer = "stoa";
const audience = "stoa";
const type = "at+jwt";
/** Short, because a token that was stolen works until it ends. */
export const accessTokenSeconds = 300;
// Verifying costs a tenth of a millisecond; every request of a busy client carries the same token.
const cacheMax = 10_000;

interface Key {
	kid: string;
	privateKey: KeyObject;
	publicKey: KeyObject;
}

export interface Tokens {
	/** The ids of the keys, in their order: nodes that share them have the same. */
	readonly keyIds: readonly string[];
	/** An access token for the principal, valid for {@link accessTokenSeconds}. */
	sign(principal: Principal): string;
	/** The principal of a token. Throws `unauthenticated`, or `token_expired` when `judgeExpiry` (the first hop) and its time is over. */
	verify(token: string, judgeExpiry: boolean): Principal;
	/** The principal of a token that was verified here before and has not expired. Costs nothing, and undefined says nothing of the token. */
	known(token: string): Principal | undefined;
}

const thumbprint = ({ crv, kty, x, y }: JsonWebKey) => createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");

function readKeys(runtime: Runtime): Key[] {
	const { signingKeys, dataDir } = runtime.config;
	const generate = () =>
		JSON.stringify({ keys: [generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" })] });
	const text = signingKeys ?? secretFile(dataDir, "signing-keys", generate);
	try {
		const { keys } = JSON.parse(text) as { keys: JsonWebKey[] };
		if (!Array.isArray(keys) || keys.length === 0) throw new Error("no keys");
		return keys.map(jwk => {
			if (jwk.kty !== "EC" || jwk.crv !== "P-256" || !jwk.d) throw new Error("not a private P-256 key");
			const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
			return { kid: thumbprint(jwk), privateKey, publicKey: createPublicKey(privateKey) };
		});
	} catch {
		throw new ConfigError("STOA_SIGNING_KEYS must be a JWK set (JSON) of private P-256 keys; the first signs, all verify.");
	}
}

interface Claims {
	sub: string;
	sid: string;
	roles: string[];
	rv: number;
	exp: number;
}

function claimsOf(payload: unknown): Claims | undefined {
	const claims = payload as Partial<Claims> | null;
	if (typeof claims?.sub !== "string" || typeof claims.sid !== "string" || typeof claims.exp !== "number") return undefined;
	if (!Array.isArray(claims.roles) || typeof claims.rv !== "number") return undefined;
	return claims as Claims;
}

export function makeTokens(runtime: Runtime): Tokens {
	const keys = readKeys(runtime);
	const verified = new Map<string, { principal: Principal; exp: number }>();
	const seconds = () => Math.floor(runtime.clock.now() / 1000);

	const check = (token: string): { principal: Principal; exp: number } => {
		const header = jwt.decode(token, { complete: true })?.header;
		const key = keys.find(({ kid }) => kid === header?.kid);
		if (!key || header?.typ !== type) throw unauthenticated();
		try {
			const claims = claimsOf(
				jwt.verify(token, key.publicKey, { algorithms: ["ES256"], issuer, audience, ignoreExpiration: true, clockTimestamp: seconds() }),
			);
			if (!claims) throw unauthenticated();
			return { principal: { userId: claims.sub, sessionId: claims.sid, roles: claims.roles, roleVersion: claims.rv }, exp: claims.exp };
		} catch {
			throw unauthenticated();
		}
	};

	return {
		keyIds: keys.map(({ kid }) => kid),
		sign(principal) {
			const now = seconds();
			const claims = {
				sub: principal.userId,
				sid: principal.sessionId,
				roles: [...principal.roles],
				rv: principal.roleVersion,
				iat: now,
				exp: now + accessTokenSeconds,
			};
			const [key] = keys as [Key];
			return jwt.sign({ ...claims, iss: issuer, aud: audience }, key.privateKey, {
				algorithm: "ES256",
				header: { alg: "ES256", kid: key.kid, typ: type },
			});
		},
		verify(token, judgeExpiry) {
			let known = verified.get(token);
			if (!known) {
				known = check(token);
				if (verified.size >= cacheMax) verified.clear();
				verified.set(token, known);
			}
			if (judgeExpiry && known.exp <= seconds()) throw tokenExpired();
			return known.principal;
		},
		known(token) {
			const known = verified.get(token);
			return known && known.exp > seconds() ? known.principal : undefined;
		},
	};
}

const made = new WeakMap<Runtime, Tokens>();

/** The tokens of a process; keys are read at first use. */
export function tokensOf(runtime: Runtime): Tokens {
	let tokens = made.get(runtime);
	if (!tokens) {
		tokens = makeTokens(runtime);
		made.set(runtime, tokens);
	}
	return tokens;
}
