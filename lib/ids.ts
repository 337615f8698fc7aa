// Ids carry their kind and sort by time: `ord_01jd…`, 48 bits of milliseconds, 10 that count within one, 70 random, in Crockford's base 32.
import { createHash, randomFillSync } from "node:crypto";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomBytesFromPool(count: number): Buffer {
	if (used + count > pool.length) {
		randomFillSync(pool);
		used = 0;
	}
	used += count;
	return pool.subarray(used - count, used);
}

function stampOf(now: number): string {
	let time = now;
	let stamp = "";
	for (let i = 0; i < 10; i++) {
		stamp = alphabet[time % 32] + stamp;
		time = Math.floor(time / 32);
	}
	return stamp;
}

/** One byte a character: the 5 low bits of a random byte, or of a hash, are uniform over the alphabet. */
function letters(bytes: Uint8Array): string {
	let text = "";
	for (const byte of bytes) text += alphabet[byte & 31];
	return text;
}

let lastTime = 0;
let count = 0;

/** A new id of the given kind; later ones of this process sort later, also within a millisecond. `now` is the time it sorts by, in milliseconds. */
export function newId<Kind extends string>(kind: Kind, now: number): `${Kind}_${string}` {
	count = now === lastTime ? Math.min(count + 1, 1023) : 0;
	lastTime = now;
	let random = alphabet[count >> 5]! + alphabet[count & 31]!;
	random += letters(randomBytesFromPool(14));
	return `${kind}_${stampOf(now)}${random}`;
}

/** The id that the same kind, time and text always give, for what a repeated fact must not make twice. It looks and sorts like any other. */
export function derivedId<Kind extends string>(kind: Kind, now: number, text: string): `${Kind}_${string}` {
	return `${kind}_${stampOf(now)}${letters(createHash("sha256").update(text).digest().subarray(0, 16))}`;
}

/** What an id of a kind looks like; ids that come from outside are checked against it before anything else. */
export const idPattern = (kind: string) => `^${kind}_[0-9a-hjkmnp-tv-z]{26}$`;
