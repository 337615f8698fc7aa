// Notifications that did not arrive, as operators see them: among the dead letters of this service, beside the facts that it could not apply.
// What could not be carried stands for the fact that it was queued; its letter has the id of the notification under the kind of a fact.
import type { Letter, LetterStatus } from "../../../lib/facts.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { dropped, type NotificationDocument, redriven } from "./notifications.domain.ts";
import { newest } from "./notifications.store.ts";

/** The type of such a letter's fact. */
export const queuedType = "notifications.queued";

const letterIdOf = (id: string) => id.replace(/^ntf_/, "evt_");
const notificationIdOf = (letterId: string) => letterId.replace(/^evt_/, "ntf_");

function letterOf(notification: NotificationDocument): Letter {
	const { _id, version, type, channel, userId, orderId, createdAt, attempts, nextAt, letter, firstFailedAt, lastFailedAt, error } =
		notification;
	const fact = { id: letterIdOf(_id), producer: "notifications", position: version, key: (userId ?? orderId)!, type: queuedType };
	return {
		...fact,
		status: letter!,
		attempts,
		error,
		nextAt,
		firstFailedAt: firstFailedAt!,
		lastFailedAt: lastFailedAt!,
		envelope: {
			...fact,
			version: 1,
			occurredAt: createdAt,
			requestId: null,
			traceparent: null,
			actor: null,
			data: { notificationId: _id, type, channel, userId, orderId },
		},
	};
}

interface Page {
	status?: LetterStatus | undefined;
	before?: string | undefined;
	limit: number;
}

/** Newest first. */
export async function undeliveredLetters(notifications: Collection<NotificationDocument>, page: Page): Promise<Letter[]> {
	const wanted = (["retrying", "dead"] as const).filter(letter => page.status === undefined || page.status === letter);
	const { limit } = page;
	const before = page.before && notificationIdOf(page.before);
	const found = await Promise.all(wanted.map(letter => newest(notifications, { letter }, { before, limit })));
	return newestOf(found.flat().map(letterOf), limit);
}

/** The newest of several lists of letters. */
export const newestOf = (letters: readonly Letter[], limit: number): Letter[] =>
	letters.toSorted((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit);

export async function undeliveredLetter(notifications: Collection<NotificationDocument>, id: string): Promise<Letter | undefined> {
	const found = await notifications.get(notificationIdOf(id));
	return found?.letter ? letterOf(found) : undefined;
}

/** False when there is no such letter. */
export async function redrive(notifications: Collection<NotificationDocument>, id: string, now: number): Promise<boolean> {
	return decideOn(notifications, id, doc => redriven(doc, now));
}

/** False when there is no such letter. */
export async function drop(notifications: Collection<NotificationDocument>, id: string): Promise<boolean> {
	return decideOn(notifications, id, dropped);
}

async function decideOn(
	notifications: Collection<NotificationDocument>,
	id: string,
	decide: (doc: NotificationDocument) => Omit<NotificationDocument, "version"> | undefined,
): Promise<boolean> {
	let done = false;
	await notifications.change(notificationIdOf(id), doc => {
		const changed = decide(doc);
		done = changed !== undefined;
		return changed && { doc: changed };
	});
	return done;
}
