// Tells people what happened: a fact becomes one notification per channel and person, and the deliveries carry those that must go out.
import { requireMatch } from "../../../lib/canonical.ts";
import { rfc3339 } from "../../../lib/clock.ts";
import { answer, ask, hear } from "../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../lib/cursor.ts";
import { notFound, validationFailed } from "../../../lib/failure.ts";
import { defineService } from "../../../lib/service.ts";
import type { Page, Paging } from "../../../lib/vocabulary.ts";
import { type DocumentService, documentStore } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { abandoned } from "../../commerce/carts/carts.contract.ts";
import { cancelled, contactOf, held, placed } from "../../commerce/orders/orders.contract.ts";
import { refunded } from "../../commerce/payments/payments.contract.ts";
import { emailsOf, passwordChanged, succeeded } from "../../identity/authentication/authentication.contract.ts";
import { usersWithRole } from "../../identity/authorization/authorization.contract.ts";
import { erased } from "../../identity/users/users.contract.ts";
import { userFlagged } from "../../risk/fraud/cases.contract.ts";
import { letterActions } from "./actions/letters.ts";
import type { Channel, Message } from "./channels/channel.ts";
import { emailChannel } from "./channels/email.ts";
import { inApp } from "./channels/in-app.ts";
import { webhookChannel } from "./channels/webhook.ts";
import { Announcing, accountOf } from "./notifications.announcing.ts";
import * as contract from "./notifications.contract.ts";
import { Delivery } from "./notifications.delivery.ts";
import { type NotificationDocument, shownNotification } from "./notifications.domain.ts";
import { collections, type DeviceDocument, forget, insertOnce, isFirstSeen, newest } from "./notifications.store.ts";
import { DeadLetterWatch } from "./notifications.watch.ts";
import { defaultPreferences, type PreferencesDocument, preferencesDocument, shownPreferences } from "./preferences.domain.ts";
import { isLocale } from "./templates/languages.ts";

type Notifications = DocumentService & {
	notifications: Collection<NotificationDocument>;
	preferences: Collection<PreferencesDocument>;
	devices: Collection<DeviceDocument>;
	channels: ReadonlyMap<contract.ChannelName, Channel>;
	deliveries: ReadonlyMap<contract.ChannelName, Delivery>;
	announcing: Announcing;
	watch: DeadLetterWatch;
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
	if (userId === null) return orderId === null ? undefined : (await contactOrNone(service, orderId))?.email;
	const { emails } = await ask(service.broker, emailsOf, { userIds: [userId] });
	return emails.find(known => known.userId === userId)?.email;
}

/** What an order is called: we said so when it was confirmed, so a refund can be told while orders are away. Undefined when there is no such order. */
async function orderNumberOf(service: Notifications, orderId: string): Promise<string | undefined> {
	const told = await service.notifications.findOne({ orderId });
	return told?.orderNumber ?? (await contactOrNone(service, orderId))?.number;
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

async function savePreferences(
	{ preferences }: Notifications,
	userId: string,
	{ wanted, ifMatch }: { wanted: contract.Preferences; ifMatch: string | undefined },
): Promise<void> {
	const replaced = () =>
		preferences.change(userId, doc => {
			if (doc.erased) throw notFound();
			requireMatch(ifMatch, shownPreferences(doc));
			return { doc: preferencesDocument(userId, wanted) };
		});
	if (await replaced()) return;
	requireMatch(ifMatch, defaultPreferences);
	// Said twice at once for the first time, the later one replaces the earlier.
	if (!(await insertOnce(preferences, preferencesDocument(userId, wanted)))) await replaced();
}

export default defineService<Notifications>({
	name: "notifications",
	mixins: [documentStore({ collections })],

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

		getPreferences: answer(contract.getPreferences, async function (this: Notifications, ctx) {
			const known = await this.preferences.get(ctx.locals.principal!.userId);
			if (known?.erased) throw notFound();
			return known ? shownPreferences(known) : defaultPreferences;
		}),

		setPreferences: answer(contract.setPreferences, async function (this: Notifications, ctx) {
			const wanted = { ...defaultPreferences, ...ctx.params };
			if (!isLocale(wanted.locale))
				throw validationFailed({ errors: [{ pointer: "/locale", code: "invalid", detail: "is not a language tag such as de-AT" }] });
			await savePreferences(this, ctx.locals.principal!.userId, { wanted, ifMatch: ctx.meta.request?.ifMatch });
			return wanted;
		}),

		ofOrder: answer(contract.ofOrder, function (this: Notifications, ctx) {
			const { orderId, ...paging } = ctx.params;
			return pageFor(this, { orderId }, paging);
		}),

		ofUser: answer(contract.ofUser, function (this: Notifications, ctx) {
			const { userId, ...paging } = ctx.params;
			return pageFor(this, { userId }, paging);
		}),

		...letterActions,
	},

	events: {
		...hear(placed, async function (this: Notifications, { envelope, params }) {
			const { orderId, number, userId, total } = params;
			const about = { orderNumber: number, amount: total };
			await this.announcing.tell(envelope, "order.confirmed", { userId, orderId, orderNumber: number }, about);
		}),

		...hear(held, async function (this: Notifications, { envelope, params }) {
			const { orderId, number, userId, total } = params;
			const about = { orderNumber: number, amount: total };
			await this.announcing.tell(envelope, "order.onHold", { userId, orderId, orderNumber: number }, about);
		}),

		...hear(cancelled, async function (this: Notifications, { envelope, params }) {
			const { orderId, number, userId, total } = params;
			const about = { orderNumber: number, amount: total };
			await this.announcing.tell(envelope, "order.cancelled", { userId, orderId, orderNumber: number }, about);
		}),

		...hear(refunded, async function (this: Notifications, { envelope, params }) {
			const { orderId, userId, amount } = params;
			const orderNumber = await orderNumberOf(this, orderId);
			// Money given back for an order that was never placed: its buyer was told of no order, so there is nobody to tell of it.
			if (orderNumber === undefined) return;
			await this.announcing.tell(envelope, "payment.refunded", { userId, orderId, orderNumber }, { orderNumber, amount });
		}),

		...hear(userFlagged, async function (this: Notifications, { envelope, params: { userId } }) {
			await this.announcing.tell(envelope, "account.flagged", accountOf(userId), {});
			const { userIds } = await ask(this.broker, usersWithRole, { role: "operator" });
			for (const operator of userIds) await this.announcing.tell(envelope, "operator.userFlagged", accountOf(operator), { userId });
		}),

		...hear(abandoned, async function (this: Notifications, { envelope, params }) {
			// A guest's cart has no address to write to.
			if (params.userId !== null) await this.announcing.tell(envelope, "cart.abandoned", accountOf(params.userId), {});
		}),

		...hear(succeeded, async function (this: Notifications, { envelope, params }) {
			const { userId, deviceHash, by } = params;
			// Without a Device-Id nothing tells this device from a stranger's.
			const isNew = deviceHash === null || (await isFirstSeen(this.devices, { userId, deviceHash, factId: envelope.id }));
			// Whoever registers knows that they did.
			if (!isNew || by === "register") return;
			await this.announcing.tell(envelope, "account.newLogin", accountOf(userId), { at: envelope.occurredAt });
		}),

		...hear(passwordChanged, async function (this: Notifications, { envelope, params }) {
			await this.announcing.tell(envelope, "account.passwordChanged", accountOf(params.userId), { at: envelope.occurredAt });
		}),

		...hear(erased, function (this: Notifications, { params }) {
			return forget(params.userId, this);
		}),
	},

	async started() {
		const { config, clock, crash } = this.runtime;
		const { logger, broker } = this;
		this.notifications = this.documents.collection<NotificationDocument>("notifications");
		this.preferences = this.documents.collection<PreferencesDocument>("preferences");
		this.devices = this.documents.collection<DeviceDocument>("devices");
		const carriers = [
			emailChannel(config.smtpUrl, message => addressOf(this, message)),
			webhookChannel("sms", config.notifyWebhooks.sms, clock),
			webhookChannel("push", config.notifyWebhooks.push, clock),
		];
		const { notifications, preferences } = this;
		this.channels = new Map([inApp, ...carriers].map(channel => [channel.name, channel]));
		this.deliveries = new Map(carriers.map(channel => [channel.name, new Delivery({ notifications, channel, clock, crash, logger })]));
		const queued = (channel: contract.ChannelName) => this.deliveries.get(channel)?.wake();
		this.announcing = new Announcing({ notifications, preferences, channels: this.channels, clock, queued });
		this.watch = new DeadLetterWatch({ broker, announcing: this.announcing, leases: this.documents.leases, logger });
		const begin = () => {
			for (const delivery of this.deliveries.values()) delivery.start();
		};
		// Whom it asks for addresses may be starting with it.
		if (broker.started) begin();
		else broker.localBus.once("$broker.started", begin);
		this.watch.start();
	},

	async stopped() {
		await Promise.all([this.watch?.stop(), ...[...(this.deliveries?.values() ?? [])].map(delivery => delivery.stop())]);
		for (const channel of this.channels?.values() ?? []) channel.close();
	},
});
