// Counts requests in windows that begin with a key's first request. Whoever floods is told when to come back; nobody is locked out for good.
import { isIPv6 } from "node:net";
import { rateLimited } from "../../../lib/failure.ts";

export interface Window {
	/** Requests of this key in its window, this one included. */
	count: number;
	/** When the window ends, in milliseconds. */
	endsAt: number;
}

export interface Limit {
	name: string;
	max: number;
	windowMs: number;
}

/** One request against the limit of one key. */
export interface Spending {
	limit: Limit;
	key: string;
}

/** Where windows are counted: in this process, or in a store that several gateways share. */
export interface WindowStore {
	/** Counts one request in each window, in this order. The first that is above its limit is the last that is counted, and the last of the answer. */
	count(spendings: readonly Spending[], now: number): Window[] | Promise<Window[]>;
}

const minute = 60_000;
export const perAddress: Limit = { name: "address", max: 6000, windowMs: minute };
export const perPrincipal: Limit = { name: "principal", max: 6000, windowMs: minute };
/** Guessing passwords is not shopping. */
export const perAddressSigningIn: Limit = { name: "auth", max: 300, windowMs: minute };

// Past this many keys the ended windows are swept out: a flood from many addresses must not fill the memory.
const sweepAbove = 20_000;

/** Windows by key, each begun by `open` when there is none or the last one has ended. */
export class OpenWindows<Kept extends { endsAt: number }> {
	readonly #windows = new Map<string, Kept>();
	readonly #open: (endsAt: number) => Kept;
	#sweptAt = 0;

	constructor(open: (endsAt: number) => Kept) {
		this.#open = open;
	}

	of({ limit, key }: Spending, now: number): Kept {
		const name = `${limit.name} ${key}`;
		let window = this.#windows.get(name);
		if (!window || window.endsAt <= now) {
			if (this.#windows.size >= sweepAbove && now - this.#sweptAt >= 1000) this.#sweep(now);
			window = this.#open(now + limit.windowMs);
			this.#windows.set(name, window);
		}
		return window;
	}

	#sweep(now: number): void {
		this.#sweptAt = now;
		for (const [name, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(name);
	}
}

/** Windows in this process's memory. */
export function windowsInMemory(): WindowStore {
	const windows = new OpenWindows<Window>(endsAt => ({ count: 0, endsAt }));
	return {
		count(spendings, now) {
			const counted: Window[] = [];
			for (const spending of spendings) {
				const window = windows.of(spending, now);
				window.count++;
				counted.push(window);
				if (window.count > spending.limit.max) break;
			}
			return counted;
		},
	};
}

/** One household or server has a whole /64 of IPv6 addresses: they count as one. */
export function addressGroup(address: string): string {
	if (!isIPv6(address)) return address;
	const [head = "", tail] = address.toLowerCase().split("::");
	const left = head === "" ? [] : head.split(":");
	const right = tail === undefined || tail === "" ? [] : tail.split(":");
	const groups =
		tail === undefined ? left : [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0"), ...right];
	return groups
		.slice(0, 4)
		.map(group => group.replace(/^0+(?=.)/, ""))
		.join(":");
}

/** Counts one request against limits. Throws `rate_limited` above the first; waits only where the store does. */
export function spend(store: WindowStore, spendings: readonly Spending[], now: number): void | Promise<void> {
	const judge = (windows: readonly Window[]) => {
		for (const [at, { count, endsAt }] of windows.entries())
			if (count > spendings[at]!.limit.max) throw rateLimited({ retryAfterSeconds: Math.max(1, Math.ceil((endsAt - now) / 1000)) });
	};
	const counted = store.count(spendings, now);
	return counted instanceof Promise ? counted.then(judge) : judge(counted);
}
