import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { notFound, versionStale } from "../../../lib/failure.ts";
import { Id, Page, Paging, Time } from "../../../lib/vocabulary.ts";

export const NotificationType = Type.Enum(["order.confirmed", "order.cancelled", "payment.refunded"]);
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
			"One fact told to one person over one channel. `queued`: on its way; `sent`: carried; `kept`: to be read here, as nothing carries this channel; `failed`: given up.",
	},
);
export type Notification = Static<typeof Notification>;

export const list = action({
	name: "notifications.list",
	summary: "What one was told, over every channel, newest first.",
	allow: "user",
	rest: { method: "GET", path: "/v1/notifications", tag: "Notifications" },
	idempotent: true,
	params: Type.Object(Paging),
	returns: Page(Notification),
});

export const markRead = action({
	name: "notifications.markRead",
	summary: "One has read it. The first time counts.",
	allow: "user",
	rest: { method: "POST", path: "/v1/notifications/:id/read", tag: "Notifications" },
	idempotent: true,
	params: Type.Object({ id: Id("ntf") }),
	returns: Notification,
	throws: [notFound, versionStale],
});

export const ofOrder = action({
	name: "notifications.ofOrder",
	summary: "What was told about an order, newest first: for the operators, and where kept messages to guests are read.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ orderId: Id("ord"), ...Paging }),
	returns: Page(Notification),
});
