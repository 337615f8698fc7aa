import Type, { type Static, type TOptional } from "typebox";
import { action } from "../../../lib/contract.ts";
import { notFound, validationFailed, versionStale } from "../../../lib/failure.ts";
import { Id, Page, Paging, Time } from "../../../lib/vocabulary.ts";

const types = [
	"order.confirmed",
	"order.onHold",
	"order.cancelled",
	"payment.refunded",
	"account.newLogin",
	"account.passwordChanged",
	"account.flagged",
	"cart.abandoned",
	"operator.userFlagged",
	"operator.deadLetter",
] as const;
export const NotificationType = Type.Enum([...types]);
export type NotificationType = Static<typeof NotificationType>;

export const ChannelName = Type.Enum(["email", "sms", "push", "inApp"]);
export type ChannelName = Static<typeof ChannelName>;

export const DeliveryStatus = Type.Enum(["queued", "sent", "kept", "failed"]);
export type DeliveryStatus = Static<typeof DeliveryStatus>;

export const Notification = Type.Object(
	{
		id: Id("ntf"),
		type: NotificationType,
		channel: ChannelName,
		title: Type.String(),
		body: Type.String(),
		status: DeliveryStatus,
		createdAt: Time,
		readAt: Type.Union([Time, Type.Null()]),
	},
	{
		$id: "Notification",
		description:
			"One fact told to one person over one channel. `queued`: on its way; `sent`: carried; `kept`: to be read here, as nothing carries this channel, or it was too old to be carried; `failed`: given up.",
	},
);
export type Notification = Static<typeof Notification>;

const Channels = Type.Array(ChannelName, { uniqueItems: true, maxItems: 4 });
type Chosen = Record<NotificationType | "*", TOptional<typeof Channels>>;
const ChannelsByType = Type.Object(Object.fromEntries(["*", ...types].map(type => [type, Type.Optional(Channels)])) as Chosen, {
	description:
		"A type goes before `*`; a type that neither of them names goes in the app and by email. An empty list stops a type, security messages (`account.*`) excepted, which go in the app at least.",
});
const Locale = Type.String({
	pattern: "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
	maxLength: 35,
	description: "A language tag (BCP 47) such as `de` or `de-AT`. A language that we do not speak is answered in English.",
	examples: ["de-AT"],
});

export const Preferences = Type.Object(
	{ locale: Locale, channels: ChannelsByType },
	{ $id: "Preferences", description: "In which language and over which channels somebody wants to be told of what." },
);
export type Preferences = Static<typeof Preferences>;

const tag = "Notifications";

export const list = action({
	name: "notifications.list",
	summary: "What one was told, over every channel, newest first.",
	allow: "user",
	rest: { method: "GET", path: "/v1/notifications", tag },
	idempotent: true,
	params: Type.Object(Paging),
	returns: Page(Notification),
});

export const markRead = action({
	name: "notifications.markRead",
	summary: "One has read it. The first time counts.",
	allow: "user",
	rest: { method: "POST", path: "/v1/notifications/:id/read", tag },
	idempotent: true,
	params: Type.Object({ id: Id("ntf") }),
	returns: Notification,
	throws: [notFound, versionStale],
});

export const getPreferences = action({
	name: "notifications.getPreferences",
	summary: "How one wants to be told; of who never said so, how it is otherwise.",
	allow: "user",
	rest: { method: "GET", path: "/v1/users/me/preferences", tag },
	idempotent: true,
	params: Type.Object({}),
	returns: Preferences,
	throws: [notFound],
});

export const setPreferences = action({
	name: "notifications.setPreferences",
	summary: "Say how one wants to be told, from now on. What is left out is as if one had never said it.",
	allow: "user",
	rest: { method: "PUT", path: "/v1/users/me/preferences", tag },
	idempotent: true,
	params: Type.Object({ locale: Type.Optional(Locale), channels: Type.Optional(ChannelsByType) }),
	returns: Preferences,
	throws: [notFound, validationFailed, versionStale],
});

export const ofOrder = action({
	name: "notifications.ofOrder",
	summary: "What was told about an order, newest first: for the operators, and where kept messages to guests are read.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord"), ...Paging }),
	returns: Page(Notification),
});

export const ofUser = action({
	name: "notifications.ofUser",
	summary: "What somebody was told, over every channel, newest first: for the operators.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ userId: Id("usr"), ...Paging }),
	returns: Page(Notification),
});
