// Tells people what happened: a fact becomes one notification per channel and person, and the delivery carries those that must go out.
import { requireMatch } from "../../../lib/canonical.ts";
import { rfc3339 } from "../../../lib/clock.ts";
import { answer, ask, hear } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound } from "../../../lib/failure.ts";
import { defineService } from "../../../lib/service.ts";
import type { Envelope, Page, Paging } from "../../../lib/vocabulary.ts";
import { type DocumentService, documentStore } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { cancelled, contactOf, placed } from "../../commerce/orders/orders.contract.ts";
import { refunded } from "../../commerce/payments/payments.contract.ts";
import { emailsOf } from "../../identity/authentication/authentication.contract.ts";
import type { Channel, Message } from "./channels/channel.ts";
import { emailChannel } from "./channels/email.ts";
import { inApp } from "./channels/in-app.ts";
import * as contract from "./notifications.contract.ts";
import { Delivery } from "./notifications.delivery.ts";
import { type Buyer, type NotificationDocument, notificationsOf, shownNotification } from "./notifications.domain.ts";
import { insertOnce, newest, notificationsSpec } from "./notifications.store.ts";
import { english } from "./templates/english.ts";
import type { About } from "./templates/templates.ts";

type Notifications = DocumentService & {
	notifications: Collection<NotificationDocument>;
	channels: ReadonlyMap<contract.ChannelName, Channel>;
	delivery: Delivery;
};

/** An absent answer is passed on: asked again later, it may come. */
async function contactOrNone(service: Notifications, orderId: string) {
	try {
		return await ask(service.broker, contactOf, { orderId });
	} catch (error) {
		if (notFound.matches(error)) return undefined;
		throw error;
	}
}

/** Asked of its owner each time: the address of today, and none of a person who was erased. */
async function addressOf(service: Notifications, { userId, orderId }: Message): Promise<string | undefined> {
	if (userId === null) return (await contactOrNone(service, orderId))?.email;
	const { emails } = await ask(service.broker, emailsOf, { userIds: [userId] });
	return emails.find(known => known.userId === userId)?.email;
}

/** What an order is called: we said so when it was confirmed, so a refund can be told while orders are away. Undefined when there is no such order. */
async function orderNumberOf(service: Notifications, orderId: string): Promise<string | undefined> {
	const told = await service.notifications.findOne({ orderId });
	return told?.orderNumber ?? (await contactOrNone(service, orderId))?.number;
}

async function announce(
	service: Notifications,
	fact: Envelope<unknown>,
	type: contract.NotificationType,
	told: { buyer: Buyer; amount: About["amount"] },
): Promise<void> {
	const wording = english[type]({ orderNumber: told.buyer.orderNumber, amount: told.amount });
	const fresh = notificationsOf(fact, { type, buyer: told.buyer, wording }, service.channels);
	await Promise.all(fresh.map(notification => insertOnce(service.notifications, notification)));
	if (fresh.some(({ status }) => status === "queued")) service.delivery.wake();
}

async function pageFor(
	service: Notifications,
	whose: { userId: string } | { orderId: string },
	{ limit = 20, cursor }: Paging,
): Promise<Page<contract.Notification>> {
	const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const found = await newest(service.notifications, whose, { before, limit: limit + 1 });
	const { data, nextCursor } = pageOf(found, limit, ({ _id }) => [_id]);
	return { data: data.map(shownNotification), nextCursor };
}

export default defineService<Notifications>({
	name: "notifications",
	mixins: [documentStore({ collections: { notifications: notificationsSpec } })],

	actions: {
		list: answer(contract.list, function (this: Notifications, ctx) {
			return pageFor(this, { userId: ctx.locals.principal!.userId }, ctx.params);
		}),

		markRead: answer(contract.markRead, async function (this: Notifications, ctx) {
			const readAt = rfc3339(this.runtime.clock.now());
			const notification = await this.notifications.change(ctx.params.id, doc => {
				if (doc.userId !== ctx.locals.principal!.userId) throw notFound();
				requireMatch(ctx.meta.request?.ifMatch, shownNotification(doc));
				return doc.readAt === null ? { doc: { ...doc, readAt } } : undefined;
			});
			if (!notification) throw notFound();
			return shownNotification(notification);
		}),

		ofOrder: answer(contract.ofOrder, function (this: Notifications, ctx) {
			const { orderId, ...paging } = ctx.params;
			return pageFor(this, { orderId }, paging);
		}),
	},

	events: {
		...hear(placed, async function (this: Notifications, { envelope, params }) {
			const { orderId, number, userId, total } = params;
			await announce(this, envelope, "order.confirmed", { buyer: { userId, orderId, orderNumber: number }, amount: total });
		}),

		...hear(cancelled, async function (this: Notifications, { envelope, params }) {
			const { orderId, number, userId, total } = params;
			await announce(this, envelope, "order.cancelled", { buyer: { userId, orderId, orderNumber: number }, amount: total });
		}),

		...hear(refunded, async function (this: Notifications, { envelope, params }) {
			const { orderId, userId, amount } = params;
			const orderNumber = await orderNumberOf(this, orderId);
			// Money given back for an order that was never placed: its buyer was told of no order, so there is nobody to tell of it.
			if (orderNumber === undefined) return;
			await announce(this, envelope, "payment.refunded", { buyer: { userId, orderId, orderNumber }, amount });
		}),
	},

	async started() {
		const { config, clock, crash } = this.runtime;
		this.notifications = this.documents.collection<NotificationDocument>("notifications");
		const channels = [inApp, emailChannel(config.smtpUrl, message => addressOf(this, message))];
		this.channels = new Map(channels.map(channel => [channel.name, channel]));
		this.delivery = new Delivery({ notifications: this.notifications, channels: this.channels, clock, crash, logger: this.logger });
		this.delivery.start();
	},

	async stopped() {
		await this.delivery?.stop();
		for (const channel of this.channels?.values() ?? []) channel.close();
	},
});
