// From a fact to the people who are told of it: over the channels they chose, in their language, one document each.
import type { Clock } from "../../../lib/clock.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import type { Channel } from "./channels/channel.ts";
import type { ChannelName, NotificationType } from "./notifications.contract.ts";
import { type NotificationDocument, notificationsOf, type Recipient } from "./notifications.domain.ts";
import { insertOnce } from "./notifications.store.ts";
import { channelsFor, defaultPreferences, type PreferencesDocument, shownPreferences } from "./preferences.domain.ts";
import { wordingOf } from "./templates/languages.ts";
import type { Abouts } from "./templates/templates.ts";

export interface AnnouncingGiven {
	notifications: Collection<NotificationDocument>;
	preferences: Collection<PreferencesDocument>;
	channels: ReadonlyMap<ChannelName, Channel>;
	clock: Clock;
	/** Called for every channel that has something to carry. */
	queued(channel: ChannelName): void;
}

type Fact = Pick<Envelope, "id" | "occurredAt">;

/** An account without an order. */
export const accountOf = (userId: string): Recipient => ({ userId, orderId: null, orderNumber: null });

export class Announcing {
	readonly #given: AnnouncingGiven;

	constructor(given: AnnouncingGiven) {
		this.#given = given;
	}

	/** Harmless when repeated. Tells nobody who was erased, and nothing that its reader does not want to hear. */
	async tell<Type extends NotificationType>(fact: Fact, type: Type, to: Recipient, about: Abouts[Type]): Promise<void> {
		const { notifications, channels, clock, queued } = this.#given;
		const reader = await this.#readerOf(to, type);
		if (!reader) return;
		const told = { type, to, wording: wordingOf(reader.locale, type, about), channels: reader.channels };
		const fresh = notificationsOf(fact, told, { channels, now: clock.now() });
		await Promise.all(fresh.map(notification => insertOnce(notifications, notification)));
		for (const { channel, status } of fresh) if (status === "queued") queued(channel);
	}

	async #readerOf({ userId }: Recipient, type: NotificationType) {
		// A guest has no place in the app and chose nothing but to leave an email.
		if (userId === null) return { locale: defaultPreferences.locale, channels: ["email"] as const };
		const known = await this.#given.preferences.get(userId);
		if (known?.erased) return undefined;
		const preferences = known ? shownPreferences(known) : defaultPreferences;
		return { locale: preferences.locale, channels: channelsFor(type, preferences) };
	}
}
