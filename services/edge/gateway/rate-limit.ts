// Counts requests in windows that begin with a key's first request. Whoever floods is told when to come back; nobody is locked out for good.
import { isIPv6 } from "node:net";
import { rateLimited } from "../../../lib/failure.ts";

export interface Window {
	/** Requests of this key in its window, this one included. */
	count: number;
	/** When the window ends, in milliseconds. */
	endsAt: number;
}

/** Where windows are counted: in this process, or in a store that several gateways share. */
export interface WindowStore {
	count(key: string, windowMs: number, now: number): Window | Promise<Window>;
}

export interface Limit {
	name: string;
	max: number;
	windowMs: number;
}

const minute = 60_000;
export const perAddress: Limit = { name: "address", max: 6000, windowMs: minute };
export const perPrincipal: Limit = { name: "principal", max: 6000, windowMs: minute };
/** Guessing passwords is not shopping. */
export const perAddressSigningIn: Limit = { name: "auth", max: 300, windowMs: minute };

// Past this many keys the ended windows are swept out: a flood from many addresses must not fill the memory.
const sweepAbove = 20_000;

/** Windows in this process's memory. */
export function windowsInMemory(): WindowStore {
	const windows = new Map<string, Window>();
	let sweptAt = 0;
	const sweep = (now: number) => {
		sweptAt = now;
		for (const [key, { endsAt }] of windows) if (endsAt <= now) windows.delete(key);
	};
	return {
		count(key, windowMs, now) {
			let window = windows.get(key);
			if (!window || window.endsAt <= now) {
				if (windows.size >= sweepAbove && now - sweptAt >= 1000) sweep(now);
				window = { count: 0, endsAt: now + windowMs };
				windows.set(key, window);
			}
			window.count++;
			return window;
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

/** Counts one request against a limit. Throws `rate_limited` above it; waits only where the store does. */
export function spend(store: WindowStore, limit: Limit, key: string, now: number): void | Promise<void> {
	const judge = ({ count, endsAt }: Window) => {
		if (count > limit.max) throw rateLimited({ retryAfterSeconds: Math.max(1, Math.ceil((endsAt - now) / 1000)) });
	};
	const window = store.count(`${limit.name} ${key}`, limit.windowMs, now);
	return window instanceof Promise ? window.then(judge) : judge(window);
}
