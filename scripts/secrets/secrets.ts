// Everything secret that a deployment needs, made at once and fitting together.
import { generateKeyPairSync, randomBytes } from "node:crypto";

export interface Wanted {
	admin: string;
	payments: "sandbox" | "stripe";
	target: "compose" | "kubernetes";
}

/** Letters and digits only, so that it may stand in a URL, a shell and every server's settings as it is. */
const password = () => randomBytes(24).toString("hex");

function signingKeys(): string {
	const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	return JSON.stringify({ keys: [privateKey.export({ format: "jwk" })] });
}

/** Names and values of everything secret that the target's manifest asks for. */
export function makeSecrets({ admin, payments, target }: Wanted): Record<string, string> {
	const servers = {
		NATS_PASSWORD: password(),
		NATS_OPERATOR_PASSWORD: password(),
		MYSQL_ROOT_PASSWORD: password(),
		MYSQL_PASSWORD: password(),
		MONGO_ROOT_PASSWORD: password(),
		MONGO_PASSWORD: password(),
		REDIS_PASSWORD: password(),
	};
	const product = {
		STOA_SIGNING_KEYS: signingKeys(),
		STOA_HMAC_SECRET: randomBytes(48).toString("base64"),
		STOA_ADMIN_EMAIL: admin,
		STOA_ADMIN_PASSWORD: password(),
		...(payments === "sandbox" ? { STOA_SANDBOX_WEBHOOK_SECRET: password() } : { STOA_STRIPE_KEY: "", STOA_STRIPE_WEBHOOK_SECRET: "" }),
	};
	if (target === "compose") return { STOA_PAYMENTS: payments, ...product, ...servers };
	return {
		...product,
		...servers,
		NATS_ROUTES_PASSWORD: password(),
		STOA_SQL_URL: `mysql://stoa:${servers.MYSQL_PASSWORD}@stoa-mysql:3306`,
		STOA_MONGO_URL: `mongodb://stoa:${servers.MONGO_PASSWORD}@stoa-mongo:27017/?authSource=admin`,
		STOA_REDIS_URL: `redis://:${servers.REDIS_PASSWORD}@stoa-redis:6379`,
	};
}

/** Lines as compose, `kubectl create secret --from-env-file` and a shell's `--env-file` all read them: no quotes. */
export const asEnvFile = (secrets: Record<string, string>) =>
	Object.entries(secrets)
		.map(([name, value]) => `${name}=${value}\n`)
		.join("");
