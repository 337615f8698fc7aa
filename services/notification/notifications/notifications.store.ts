// Documents and queries. Every write is of one document; what a fact makes twice is one, because its `_id` says so.
import { sha256 } from "../../../lib/crypto.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { type CollectionSpec, DuplicateKey, type StoredDocument } from "../../../mixins/documents/engine.ts";
import type { Fresh, NotificationDocument } from "./notifications.domain.ts";
import { erasedPreferences, type PreferencesDocument } from "./preferences.domain.ts";

/** A device that somebody has signed in with. `_id` is the hash of both. */
export interface DeviceDocument extends StoredDocument {
	userId: string;
	/** The fact by which we heard of it first. */
	factId: string;
}

export const collections: Readonly<Record<string, CollectionSpec>> = {
	notifications: { indexes: ["userId", "orderId", "letter", ["status", "channel", "nextAt"]] },
	preferences: {},
	devices: { indexes: ["userId"] },
};

/** False when it stands already. */
export async function insertOnce<T extends StoredDocument>(documents: Collection<T>, document: Fresh<T>): Promise<boolean> {
	try {
		await documents.insert(document);
		return true;
	} catch (error) {
		if (error instanceof DuplicateKey) return false;
		throw error;
	}
}

/** Newest first; ids sort by time. `before` is the last id of the page before. */
export function newest(
	notifications: Collection<NotificationDocument>,
	which: { userId: string } | { orderId: string } | { letter: "retrying" | "dead" },
	page: { before?: string | undefined; limit: number },
): Promise<NotificationDocument[]> {
	const { before, limit } = page;
	return notifications.find({
		filter: which,
		sort: { field: "_id", order: "descending" },
		...(before === undefined ? {} : { after: { value: before, id: before } }),
		limit,
	});
}

/** Whether this fact is the first that names the device; asked again about the same fact it answers the same. */
export async function isFirstSeen(devices: Collection<DeviceDocument>, seen: { userId: string; deviceHash: string; factId: string }) {
	const { userId, deviceHash, factId } = seen;
	const _id = sha256(`${userId}\n${deviceHash}`);
	if (await insertOnce(devices, { _id, userId, factId })) return true;
	return (await devices.get(_id))?.factId === factId;
}

/** Each write is harmless when repeated; the preferences come first, so that nothing is added while the rest goes. */
export async function forget(
	userId: string,
	{ preferences, devices }: { preferences: Collection<PreferencesDocument>; devices: Collection<DeviceDocument> },
): Promise<void> {
	const erased = erasedPreferences(userId);
	const erase = () => preferences.change(userId, doc => (doc.erased ? undefined : { doc: erased }));
	if (!(await erase()) && !(await insertOnce(preferences, erased))) await erase();
	for (;;) {
		const known = await devices.find({ filter: { userId }, limit: 100 });
		if (known.length === 0) return;
		await Promise.all(known.map(({ _id }) => devices.remove(_id)));
	}
}
