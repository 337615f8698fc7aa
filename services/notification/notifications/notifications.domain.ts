// What becomes of a notification, from the fact to its arrival: pure, so that every case can be tried at a desk.
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
	orderId: string | null;
	orderNumber: string | null;
	/** Of the words. */
	locale: string;
	title: string;
	body: string;
	status: DeliveryStatus;
	createdAt: string;
	readAt: string | null;
	attempts: number;
	/** Of the try that is under way; a try whose claim is no longer here has nothing more to say. */
	claim: string | null;
	/** While queued: when it may be taken for the next try, in milliseconds. Whoever takes it puts this off, and so keeps others away. */
	nextAt: number | null;
	/** Whether operators see it among the dead letters: a try failed, or all of them did. */
	letter: "retrying" | "dead" | null;
	firstFailedAt: number | null;
	lastFailedAt: number | null;
	/** Why the last try failed; never what the receiver said, which tends to repeat the address. */
	error: string | null;
}
export type Fresh<T extends StoredDocument> = Omit<T, "version">;

/** Who is told; a guest has an order, anybody else an account. */
export interface Recipient {
	userId: string | null;
	orderId: string | null;
	orderNumber: string | null;
}

/** A message by a channel that carries it is worth sending for so long. What is older, because it was replayed or waited, is kept to be read. */
const freshMs = 7 * 24 * 3_600_000;

/** The same fact makes the same documents: their ids come from fact, channel and person, so inserting them twice is once. */
export function notificationsOf(
	fact: Pick<Envelope, "id" | "occurredAt">,
	told: { type: NotificationType; to: Recipient; wording: Wording & { locale: string }; channels: readonly ChannelName[] },
	given: { channels: ReadonlyMap<ChannelName, Channel>; now: number },
): Fresh<NotificationDocument>[] {
	const { type, to, wording } = told;
	const occurredAt = Date.parse(fact.occurredAt);
	return told.channels.map(channel => {
		const begins = given.channels.get(channel)!.begins;
		const status = begins === "queued" && given.now - occurredAt > freshMs ? "kept" : begins;
		return {
			_id: derivedId("ntf", occurredAt, [fact.id, channel, to.userId ?? to.orderId].join("\n")),
			type,
			channel,
			...to,
			...wording,
			status,
			createdAt: fact.occurredAt,
			readAt: null,
			attempts: 0,
			claim: null,
			nextAt: status === "queued" ? occurredAt : null,
			letter: null,
			firstFailedAt: null,
			lastFailedAt: null,
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

// What a node that died had in hand is left alone for as long. Whoever is still trying says so in time, or a second node would carry it too.
export const claimMs = 90_000;
export const renewMs = 30_000;

type Document = Fresh<NotificationDocument>;
const over = { claim: null, nextAt: null, letter: null } as const;

const isHeld = (notification: NotificationDocument, claim: string) => notification.status === "queued" && notification.claim === claim;

/** Takes it for one try. */
export const claimed = (notification: NotificationDocument, { claim, now }: { claim: string; now: number }): Document => ({
	...notification,
	attempts: notification.attempts + 1,
	claim,
	nextAt: now + claimMs,
});

/** It is still being tried. Undefined when it is no longer this try's. */
export const renewed = (notification: NotificationDocument, { claim, now }: { claim: string; now: number }): Document | undefined =>
	isHeld(notification, claim) ? { ...notification, nextAt: now + claimMs } : undefined;

// What was away comes back soon, and being asked again costs nobody anything.
export const notBegunMs = 5_000;

/** There was no try. Undefined when it is no longer ours to say. */
export const notBegun = (notification: NotificationDocument, { claim, now }: { claim: string; now: number }): Document | undefined =>
	isHeld(notification, claim) ? { ...notification, attempts: notification.attempts - 1, claim: null, nextAt: now + notBegunMs } : undefined;

/** It arrived, or stays to be read here: true whoever carried it. */
export const delivered = (notification: NotificationDocument, status: "sent" | "kept"): Document => ({
	...notification,
	...over,
	status,
	error: null,
});

export interface FailedTry {
	reason: string;
	/** No further try can help. */
	final: boolean;
	/** There is nobody to carry it to, and so nothing for an operator to try again. */
	hasReceiver: boolean;
	now: number;
}

/** A try failed. Undefined when it is no longer this try's to say: its claim ran out and somebody else took it. */
export function undelivered(notification: NotificationDocument, claim: string, failed: FailedTry): Document | undefined {
	if (!isHeld(notification, claim)) return undefined;
	const { attempts, firstFailedAt } = notification;
	const { reason, now } = failed;
	const seen = { error: reason, firstFailedAt: firstFailedAt ?? now, lastFailedAt: now };
	if (!failed.final && attempts < attemptsMax)
		return { ...notification, ...seen, claim: null, nextAt: now + retryAfterMs(attempts), letter: "retrying" };
	return { ...notification, ...seen, ...over, status: "failed", letter: failed.hasReceiver ? "dead" : null };
}

/** All its tries once more, from now. One that is being carried at this moment stays with whoever carries it. Undefined when it is no letter. */
export function redriven(notification: NotificationDocument, now: number): Document | undefined {
	if (notification.letter === null) return undefined;
	if (notification.claim !== null && notification.nextAt! > now) return { ...notification };
	return { ...notification, status: "queued", attempts: 0, claim: null, nextAt: now, letter: "retrying" };
}

/** Given up by an operator. Undefined when it is no letter. */
export const dropped = (notification: NotificationDocument): Document | undefined =>
	notification.letter === null ? undefined : { ...notification, ...over, status: "failed" };
