// Who is told what, over which channel: pure, so that every case can be tried at a desk.
import { derivedId } from "../../../lib/ids.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import type { StoredDocument } from "../../../mixins/documents/engine.ts";
import type { Channel } from "./channels/channel.ts";
import type { ChannelName, DeliveryStatus, Notification, NotificationType } from "./notifications.contract.ts";
import type { Wording } from "./templates/templates.ts";

/** A notification as it is kept. It holds no address: whoever carries it asks for the address when it is sent. */
export interface NotificationDocument extends StoredDocument {
	type: NotificationType;
	channel: ChannelName;
	/** Null: a guest, who is reached through the order alone. */
	userId: string | null;
	orderId: string;
	orderNumber: string;
	title: string;
	body: string;
	status: DeliveryStatus;
	createdAt: string;
	readAt: string | null;
	attempts: number;
	/** While queued: when it may be taken for the next try, in milliseconds. Whoever takes it puts this off, and so keeps others away. */
	nextAt: number | null;
	/** Why the last try failed; never what the receiver said, which tends to repeat the address. */
	error: string | null;
}
export type Fresh<T extends StoredDocument> = Omit<T, "version">;

/** Whose order it is. */
export interface Buyer {
	userId: string | null;
	orderId: string;
	orderNumber: string;
}

/** A guest has no place in the app. */
const channelsOf = ({ userId }: Buyer): readonly ChannelName[] => (userId === null ? ["email"] : ["inApp", "email"]);

/** The same fact makes the same documents: their ids come from fact, channel and person, so inserting them twice is once. */
export function notificationsOf(
	fact: Pick<Envelope, "id" | "occurredAt">,
	told: { type: NotificationType; buyer: Buyer; wording: Wording },
	channels: ReadonlyMap<ChannelName, Channel>,
): Fresh<NotificationDocument>[] {
	const { type, buyer, wording } = told;
	const occurredAt = Date.parse(fact.occurredAt);
	return channelsOf(buyer).map(channel => {
		const status = channels.get(channel)!.begins;
		return {
			_id: derivedId("ntf", occurredAt, [fact.id, channel, buyer.userId ?? buyer.orderId].join("\n")),
			type,
			channel,
			...buyer,
			...wording,
			status,
			createdAt: fact.occurredAt,
			readAt: null,
			attempts: 0,
			nextAt: status === "queued" ? occurredAt : null,
			error: null,
		};
	});
}

export const shownNotification = ({ _id, type, channel, title, body, status, createdAt, readAt }: NotificationDocument): Notification => ({
	id: _id,
	type,
	channel,
	title,
	body,
	status,
	createdAt,
	readAt,
});

// A full or greylisted mailbox of the morning takes mail in the evening: 5 s, 20 s, 80 s, 5 min, 21 min, then every hour for a day.
export const attemptsMax = 28;
export const retryAfterMs = (attempt: number) => Math.min(5_000 * 4 ** (attempt - 1), 3_600_000);

// Longer than a try may take, or a second node would carry what the first is still carrying.
export const claimMs = 90_000;

type Document = Fresh<NotificationDocument>;

/** Takes it for one try. */
export const claimed = (notification: NotificationDocument, now: number): Document => ({
	...notification,
	attempts: notification.attempts + 1,
	nextAt: now + claimMs,
});

/** It arrived, or stays to be read here: true whoever carried it. */
export const delivered = (notification: NotificationDocument, status: "sent" | "kept"): Document => ({
	...notification,
	status,
	nextAt: null,
	error: null,
});

/** A try failed. Undefined when it is no longer this try's to say: its claim ran out and somebody else took it. */
export function undelivered(
	notification: NotificationDocument,
	attempt: number,
	failed: { reason: string; final: boolean; now: number },
): Document | undefined {
	if (notification.status !== "queued" || notification.attempts !== attempt) return undefined;
	const over = failed.final || attempt >= attemptsMax;
	return {
		...notification,
		status: over ? "failed" : "queued",
		nextAt: over ? null : failed.now + retryAfterMs(attempt),
		error: failed.reason,
	};
}
