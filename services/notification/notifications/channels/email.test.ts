import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { SMTPServer } from "smtp-server";
import { handClock } from "../../../../lib/clock.ts";
import { readConfig } from "../../../../lib/config.ts";
import { ask } from "../../../../lib/contract.ts";
import { newId } from "../../../../lib/ids.ts";
import { storeContract } from "../../../../lib/store-contract.ts";
import type { Collection } from "../../../../mixins/documents/collection.ts";
import { anOrder, OrderNeighbours, until } from "../../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../../test/support/stoa.ts";
import * as notifications from "../notifications.contract.ts";
import type { NotificationDocument } from "../notifications.domain.ts";

const usr = () => newId("usr", Date.now());

interface Mail {
	to: string;
	content: string;
}

describe("email through a mail server", () => {
	let stoa: Stoa;
	let clock: ReturnType<typeof handClock>;
	let shop: OrderNeighbours;
	let server: SMTPServer;
	let mails: Mail[];
	/** What the server answers to a receiver; undefined takes the mail. */
	let refusal: { responseCode: number; message: string } | undefined;

	beforeEach(async () => {
		clock = handClock();
		shop = new OrderNeighbours();
		mails = [];
		refusal = undefined;
		server = new SMTPServer({
			disabledCommands: ["AUTH", "STARTTLS"],
			onRcptTo: ({ address }, _session, done) => done(refusal && Object.assign(new Error(`${refusal.message} <${address}>`), refusal)),
			onData(stream, session, done) {
				void text(stream).then(content => {
					mails.push({ to: session.envelope.rcptTo[0]!.address, content });
					done();
				});
			},
		});
		await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
		const env = { STOA_SMTP_URL: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}` };
		stoa = await startStoa({ services: ["notification/notifications"], also: shop.services(), clock, env });
		shop.joined(stoa);
	});
	afterEach(async () => {
		// The product first: a mail server waits for its clients to leave.
		await stoa.stop();
		await new Promise<void>(resolve => server.close(resolve));
	});

	const email = async (orderId: string) =>
		(await ask(stoa.broker, notifications.ofOrder, { orderId })).data.find(({ channel }) => channel === "email");
	const settled = (orderId: string, status: notifications.DeliveryStatus) =>
		until(
			() => email(orderId),
			seen => seen?.status === status,
		);

	/** As it is stored. */
	const stored = async (orderId: string) =>
		stoa.service<{ notifications: Collection<NotificationDocument> }>("notifications").notifications.findOne({ orderId });

	it("sends each email once, to the address of the account or of the guest's order", async () => {
		const userId = usr();
		shop.emails.set(userId, "ann@example.org");
		const [hers, guests] = [anOrder({ userId, email: "old@example.org" }), anOrder({ email: "guest@example.org", number: "1002" })];
		await shop.place(hers);
		await shop.place(guests);
		const sent = [await settled(hers.orderId, "sent"), await settled(guests.orderId, "sent")];
		expect(mails.map(({ to }) => to).sort()).toEqual(["ann@example.org", "guest@example.org"]);
		const content = mails.find(({ to }) => to === "ann@example.org")!.content;
		expect(content).toContain("Subject: Order 1001 is confirmed");
		expect(content).toContain(`Message-ID: <${sent[0]!.id}@stoa>`);
		expect(content).toContain("From: Stoa <no-reply@localhost>");
		expect(content).toContain("Content-Type: text/plain");
		expect(content).toContain('<html lang=3D"en">');
		expect(await ask(stoa.broker, storeContract("notifications").replayFacts, { dryRun: false })).toMatchObject({ repaired: 0 });
		expect(mails).toHaveLength(2);
	});

	it("tries again after a while when the server is busy, under the same message id", async () => {
		refusal = { responseCode: 451, message: "try later" };
		const order = anOrder();
		await shop.place(order);
		const failed = await until(
			() => stored(order.orderId),
			seen => typeof seen?.error === "string",
		);
		expect(failed).toMatchObject({ status: "queued", attempts: 1, error: "EENVELOPE 451" });
		refusal = undefined;
		clock.move(5000);
		const { id } = (await settled(order.orderId, "sent"))!;
		expect(mails).toHaveLength(1);
		expect(mails[0]!.content).toContain(`Message-ID: <${id}@stoa>`);
	});

	it("gives up at a receiver that does not exist, without writing the address down", async () => {
		refusal = { responseCode: 550, message: "no such mailbox" };
		const order = anOrder({ email: "gone@example.org" });
		await shop.place(order);
		await settled(order.orderId, "failed");
		const failed = await stored(order.orderId);
		expect(failed).toMatchObject({ status: "failed", error: "refused with 550" });
		expect(JSON.stringify(failed)).not.toContain("@");
	});

	it("writes to nobody who has no address any more", async () => {
		const order = anOrder({ userId: usr() });
		await shop.place(order);
		await settled(order.orderId, "failed");
		expect(mails).toEqual([]);
	});

	it("sends after a restart what was queued before it", async () => {
		shop.ordersAway = true;
		const order = anOrder();
		await shop.place(order);
		await settled(order.orderId, "queued");
		shop.ordersAway = false;
		await stoa.restart();
		clock.move(5000);
		await settled(order.orderId, "sent");
		expect(mails.map(({ to }) => to)).toEqual(["guest@example.org"]);
	});

	it("does not start with a mail server that is none, and does not repeat what may hold a password", () => {
		for (const url of ["mail.example", "http://mail.example", "smtp://"])
			expect(() => readConfig({ STOA_SMTP_URL: url })).toThrow("STOA_SMTP_URL");
		expect(() => readConfig({ STOA_SMTP_URL: "secret@mail" })).not.toThrow("secret");
		expect(readConfig({ STOA_SMTP_URL: "smtps://u:p@mail.example?from=shop@mail.example" }).smtpUrl).toContain("smtps:");
	});
});
