// How somebody wants to be told of what: pure. Whoever never said so is told in the app and by email.
import type { StoredDocument } from "../../../mixins/documents/engine.ts";
import type { ChannelName, NotificationType, Preferences } from "./notifications.contract.ts";
import type { Fresh } from "./notifications.domain.ts";

type Chosen = NotificationType | "*";

/** `_id` is the user's. */
export interface PreferencesDocument extends StoredDocument {
	locale: string;
	/** A list, because a field of a document cannot have a dot in its name. */
	channels: { type: Chosen; channels: ChannelName[] }[];
	/** Nobody is there to be told, and a fact that comes late must not bring anything of the person back. */
	erased: boolean;
}

const everybody: readonly ChannelName[] = ["inApp", "email"];
export const defaultPreferences: Preferences = { locale: "en", channels: { "*": [...everybody] } };

export const preferencesDocument = (userId: string, { locale, channels }: Preferences): Fresh<PreferencesDocument> => ({
	_id: userId,
	locale,
	channels: (Object.entries(channels) as [Chosen, ChannelName[]][]).map(([type, list]) => ({ type, channels: list })),
	erased: false,
});
export const erasedPreferences = (userId: string): Fresh<PreferencesDocument> => ({
	...preferencesDocument(userId, { locale: defaultPreferences.locale, channels: {} }),
	erased: true,
});

export const shownPreferences = ({ locale, channels }: Pick<PreferencesDocument, "locale" | "channels">): Preferences => ({
	locale,
	channels: Object.fromEntries(channels.map(({ type, channels }) => [type, channels])),
});

/** A stranger in somebody's account would begin by switching these off. */
const isSecurity = (type: NotificationType) => type.startsWith("account.");

/** Over which channels somebody is told of such a thing. */
export function channelsFor(type: NotificationType, { channels }: Preferences): readonly ChannelName[] {
	const chosen = channels[type] ?? channels["*"] ?? everybody;
	return isSecurity(type) && !chosen.includes("inApp") ? ["inApp", ...chosen] : chosen;
}
