// Secrets of the embedded default are generated into the data folder; keyed hashes are made here and nowhere else.
import { createHash, createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Reads a secret of the data folder, making it on the first start (mode 0600). It appears whole or not at all, and once: nodes that start
 * together on one folder have one truth.
 */
export function secretFile(dataDir: string, name: string, make: () => string): string {
	const folder = path.join(dataDir, "secrets");
	const file = path.join(folder, name);
	if (!existsSync(file)) {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
		writeFileSync(draft, make(), { mode: 0o600 });
		try {
			linkSync(draft, file);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		} finally {
			rmSync(draft);
		}
	}
	return readFileSync(file, "utf8");
}

export const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

/** A keyed hash for things that must be recognised but never read back (fingerprints, tokens, addresses). `purpose` keeps the uses apart. */
export const keyedHash = (secret: Buffer, purpose: string, text: string) =>
	createHmac("sha256", keyOf(secret)).update(`${purpose}\0${text}`).digest("hex");

const keys = new WeakMap<Buffer, KeyObject>();

/** Making a key of a secret costs more than the hash itself; a process has one secret. */
function keyOf(secret: Buffer): KeyObject {
	let key = keys.get(secret);
	if (!key) {
		key = createSecretKey(secret);
		keys.set(secret, key);
	}
	return key;
}

/** An unguessable token of 256 bits, base64url. Only its hash is ever stored. */
export const randomToken = () => randomBytes(32).toString("base64url");

/** Compares without telling by its time how much was right. */
export function sameSecret(one: string, other: string): boolean {
	const a = createHash("sha256").update(one).digest();
	const b = createHash("sha256").update(other).digest();
	return timingSafeEqual(a, b);
}
