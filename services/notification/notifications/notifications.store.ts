// Documents and queries. Every write is of one document; what a fact makes twice is one, because its `_id` says so.
import type { Collection } from "../../../mixins/documents/collection.ts";
import { type CollectionSpec, DuplicateKey } from "../../../mixins/documents/engine.ts";
import type { Fresh, NotificationDocument } from "./notifications.domain.ts";

export const notificationsSpec: CollectionSpec = { indexes: ["userId", "orderId", ["status", "nextAt"]] };

/** False when it stands already. */
export async function insertOnce(
	notifications: Collection<NotificationDocument>,
	notification: Fresh<NotificationDocument>,
): Promise<boolean> {
	try {
		await notifications.insert(notification);
		return true;
	} catch (error) {
		if (error instanceof DuplicateKey) return false;
		throw error;
	}
}

/** Newest first; ids sort by time. `before` is the last id of the page before. */
export function newest(
	notifications: Collection<NotificationDocument>,
	whose: { userId: string } | { orderId: string },
	page: { before?: string; limit: number },
): Promise<NotificationDocument[]> {
	const { before, limit } = page;
	return notifications.find({
		filter: whose,
		sort: { field: "_id", order: "descending" },
		...(before === undefined ? {} : { after: { value: before, id: before } }),
		limit,
	});
}
