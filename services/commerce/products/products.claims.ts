// One SKU, one variant: a SKU is claimed by inserting it as an `_id` before the product that has it is written. Whoever dies in between leaves an
// orphan, which may be taken over after a minute; whoever is slower than half of that gives up.
import type { Clock } from "../../../lib/clock.ts";
import { isDefinite, serviceUnavailable } from "../../../lib/failure.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { DuplicateKey } from "../../../mixins/documents/engine.ts";
import { skuTaken } from "./products.contract.ts";

/** `_id` is the SKU. */
export interface ClaimDocument {
	_id: string;
	version: number;
	productId: string;
	claimedAt: number;
}

const orphanAfterMs = 60_000;
const writeWithinMs = 30_000;

/** Claims that this call made: they are released together when the product is not written after all. */
export interface Held {
	claims: readonly ClaimDocument[];
	claimedAt: number;
}

export class Claims {
	readonly #claims: Collection<ClaimDocument>;
	readonly #clock: Clock;
	/** Whether a product has a variant of a SKU. */
	readonly #has: (productId: string, sku: string) => Promise<boolean>;

	constructor(claims: Collection<ClaimDocument>, clock: Clock, has: (productId: string, sku: string) => Promise<boolean>) {
		this.#claims = claims;
		this.#clock = clock;
		this.#has = has;
	}

	/** All or none. `again`: a claim this very product has already is as good as a new one. Throws `sku_taken`. */
	async claim(skus: readonly string[], productId: string, again = false): Promise<Held> {
		const claimedAt = this.#clock.now();
		const tried = await Promise.allSettled(skus.map(sku => this.#claimOne({ _id: sku, productId, claimedAt }, again)));
		const claims = tried.flatMap(one => (one.status === "fulfilled" && one.value ? [one.value] : []));
		const refused = tried.find(one => one.status === "rejected");
		if (!refused) return { claims, claimedAt };
		await this.release(claims);
		throw refused.reason;
	}

	/**
	 * Writes the product the claims are for, and takes them back when that is refused. When nobody knows whether it was written they stay: they are
	 * right if it was, and orphans if not.
	 */
	async holding<T>(held: Held, write: () => Promise<T>): Promise<T> {
		try {
			return await write();
		} catch (error) {
			if (isDefinite(error)) await this.release(held.claims);
			throw error;
		}
	}

	/** Throws when so much time has passed that another may soon take the claims for orphans. */
	checkFresh(held: Held): void {
		if (held.claims.length > 0 && this.#clock.now() - held.claimedAt > writeWithinMs) throw serviceUnavailable();
	}

	/** Takes back just these: one that was taken over meanwhile has another version, and stays. */
	async release(claims: readonly ClaimDocument[]): Promise<void> {
		await Promise.all(claims.map(({ _id, version }) => this.#claims.remove(_id, version)));
	}

	of(skus: readonly string[]): Promise<ClaimDocument[]> {
		return this.#claims.getMany(skus);
	}

	async #claimOne(wanted: Omit<ClaimDocument, "version">, again: boolean): Promise<ClaimDocument | undefined> {
		for (;;) {
			try {
				return await this.#claims.insert(wanted);
			} catch (error) {
				if (!(error instanceof DuplicateKey)) throw error;
			}
			const held = await this.#claims.get(wanted._id);
			if (!held) continue;
			if (again && held.productId === wanted.productId) return undefined;
			const isOrphan = wanted.claimedAt - held.claimedAt >= orphanAfterMs && !(await this.#has(held.productId, wanted._id));
			if (!isOrphan) throw skuTaken({ sku: wanted._id });
			if (await this.#claims.replace(wanted, held.version)) return { ...wanted, version: held.version + 1 };
		}
	}
}
