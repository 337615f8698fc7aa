// How messages between the house and others' doors are signed, in both directions: the time and the raw body under a secret that both know.
import { createHmac } from "node:crypto";
import { sameSecret } from "./crypto.ts";

/** Older messages may be somebody's replay, younger ones a forger's guess; five minutes forgive clocks and slow queues. */
export const toleranceSeconds = 300;

const hmac = (secret: string, seconds: number, rawBody: string) =>
	createHmac("sha256", secret).update(`${seconds}.${rawBody}`).digest("hex");

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.rawBody">`. */
export const sign = (secret: string, rawBody: string, now: number) => {
	const seconds = Math.floor(now / 1000);
	return `t=${seconds},v1=${hmac(secret, seconds, rawBody)}`;
};

/** Several `v1` may stand there while a secret is changed; one that fits is enough. */
export function isSigned(secret: string, rawBody: string, signature: string | undefined, now: number): boolean {
	const parts = (signature ?? "").split(",").map(part => part.trim());
	const stamp = parts.find(part => /^t=\d{1,12}$/.test(part));
	if (!stamp) return false;
	const seconds = Number(stamp.slice(2));
	if (Math.abs(Math.floor(now / 1000) - seconds) > toleranceSeconds) return false;
	const expected = hmac(secret, seconds, rawBody);
	return parts.some(part => part.startsWith("v1=") && sameSecret(part.slice(3), expected));
}
