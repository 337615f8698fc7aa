// Password hashes: argon2id, a bounded number at a time. A hash takes 19 MiB and some 30 ms of a core, so a flood of logins must not take the machine.
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { serviceUnavailable } from "../../../lib/failure.ts";

export interface Cost {
	memoryKiB: number;
	passes: number;
	parallelism: number;
}

/** OWASP's smallest argon2id. A kept hash names its own cost, so a dearer one later leaves the old hashes good. */
export const houseCost: Cost = { memoryKiB: 19_456, passes: 2, parallelism: 1 };
const saltBytes = 16;
const hashBytes = 32;

interface Kept extends Cost {
	salt: Buffer;
	hash: Buffer;
}

const unpadded = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");

/** The PHC string that is stored: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export const phcString = ({ memoryKiB, passes, parallelism, salt, hash }: Kept) =>
	`$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`;

/** Throws a TypeError for anything that {@link phcString} did not make. */
export function readPhc(text: string): Kept {
	const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text);
	if (!parts) throw new TypeError("not an argon2id hash");
	const [memoryKiB, passes, parallelism] = parts.slice(1, 4).map(Number) as [number, number, number];
	return { memoryKiB, passes, parallelism, salt: Buffer.from(parts[4]!, "base64"), hash: Buffer.from(parts[5]!, "base64") };
}

function derive(password: string, salt: Buffer, { memoryKiB, passes, parallelism }: Cost): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		argon2("argon2id", { message: password, nonce: salt, memory: memoryKiB, passes, parallelism, tagLength: hashBytes }, (error, key) =>
			error ? reject(error) : resolve(key),
		);
	});
}

export interface PasswordsOptions {
	cost?: Cost;
	/** Hashes at once. */
	concurrency?: number;
	/** Hashes that wait; one more is refused. */
	waitingMax?: number;
}

export class Passwords {
	readonly #cost: Cost;
	readonly #concurrency: number;
	readonly #waitingMax: number;
	readonly #waiting: (() => void)[] = [];
	#running = 0;
	/** Nobody's hash: comparing with it takes as long as with a real one. */
	readonly #decoy: Kept;

	// A hundred waiting take some three seconds on two cores: less than a caller waits, more than a busy morning needs.
	constructor({ cost = houseCost, concurrency = 2, waitingMax = 100 }: PasswordsOptions = {}) {
		this.#cost = cost;
		this.#concurrency = concurrency;
		this.#waitingMax = waitingMax;
		this.#decoy = { ...cost, salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) };
	}

	/** The PHC string of a password. Throws `service_unavailable` when too many wait. */
	async hash(password: string): Promise<string> {
		const salt = randomBytes(saltBytes);
		return phcString({ ...this.#cost, salt, hash: await this.#inTurn(() => derive(password, salt, this.#cost)) });
	}

	/** Whether the password made the kept hash. Without one the same work is done and the answer is no. Throws as {@link hash} does. */
	async fits(password: string, kept: string | null | undefined): Promise<boolean> {
		const known = kept ? readPhc(kept) : this.#decoy;
		const made = await this.#inTurn(() => derive(password, known.salt, known));
		return timingSafeEqual(made, known.hash) && known !== this.#decoy;
	}

	async #inTurn<T>(work: () => Promise<T>): Promise<T> {
		if (this.#running >= this.#concurrency) {
			if (this.#waiting.length >= this.#waitingMax) throw serviceUnavailable({ service: "authentication", retryAfterSeconds: 1 });
			await new Promise<void>(resolve => this.#waiting.push(resolve));
		} else this.#running++;
		try {
			return await work();
		} finally {
			// Whoever waited longest takes the place over; only an empty queue frees it.
			const next = this.#waiting.shift();
			if (next) next();
			else this.#running--;
		}
	}
}
