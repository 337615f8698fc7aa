// Rows and queries of the interactions. That a target is liked once is the unique (userId, likeOf)'s to decide, whatever comes at once on whichever node.
import { tell } from "../../../lib/contract.ts";
import type { Value } from "../../../mixins/sql/engine.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { type InteractionKind, recorded } from "./interactions.contract.ts";
import { type Doer, factOf, hashOfTarget, type Kept } from "./interactions.domain.ts";

const columns = "id, userId, kind, target, targetHash, likeOf, recordedAt, occurredAt";

export interface Wanted {
	userId: string;
	kind?: InteractionKind;
	target?: string;
}

function conditionsOf({ userId, kind, target }: Wanted): [where: string, values: Value[]] {
	const asked = { "userId = ?": userId, "kind = ?": kind, "targetHash = ?": target === undefined ? undefined : hashOfTarget(target) };
	const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
	return [given.map(([condition]) => condition).join(" AND "), given.map(([, value]) => value)];
}

export class InteractionsTx extends SqlTx {
	one(id: string): Promise<Kept | undefined> {
		return this.get<Kept>(`SELECT ${columns} FROM interactions WHERE id = ?`, [id]);
	}

	/** Newest first: ids sort by time. */
	page(wanted: Wanted, { before, limit }: { before?: string; limit: number }): Promise<Kept[]> {
		const [where, values] = conditionsOf(wanted);
		const older = before === undefined ? "" : "AND id < ?";
		return this.all<Kept>(`SELECT ${columns} FROM interactions WHERE ${where} ${older} ORDER BY id DESC LIMIT ?`, [
			...values,
			...(before === undefined ? [] : [before]),
			limit,
		]);
	}

	async count(wanted: Wanted): Promise<number> {
		const [where, values] = conditionsOf(wanted);
		return (await this.get<{ total: number }>(`SELECT COUNT(*) AS total FROM interactions WHERE ${where}`, values))!.total;
	}

	/** Saves and tells what is new of one person's. Answers for each what stands now: itself, or the like that was there before. */
	async record(fresh: readonly Kept[], doer: Doer): Promise<Kept[]> {
		const likes = await this.#saveLikes(fresh.filter(({ likeOf }) => likeOf !== null));
		await this.insertAll(
			"interactions",
			fresh.filter(({ likeOf }) => likeOf === null).map(visit => ({ ...visit })),
		);
		const stand = fresh.map(each => (each.likeOf === null ? each : likes.get(each.likeOf)!));
		for (const [at, each] of fresh.entries()) if (stand[at] === each) await tell(this, recorded, factOf(each, doer));
		return stand;
	}

	/** By target. In one order everywhere, or two batches of a person that come at once would wait for each other. */
	async #saveLikes(likes: readonly Kept[]): Promise<Map<string, Kept>> {
		const saved = new Map<string, Kept>();
		for (const like of likes.toSorted((one, other) => (one.likeOf! < other.likeOf! ? -1 : Number(one.likeOf !== other.likeOf)))) {
			if (saved.has(like.likeOf!)) continue;
			const isNew = (await this.insertIfAbsent("interactions", { ...like })) > 0;
			saved.set(like.likeOf!, isNew ? like : await this.#like(like));
		}
		return saved;
	}

	async #like({ userId, likeOf }: Kept): Promise<Kept> {
		return (await this.get<Kept>(`SELECT ${columns} FROM interactions WHERE userId = ? AND likeOf = ?`, [userId, likeOf]))!;
	}
}
