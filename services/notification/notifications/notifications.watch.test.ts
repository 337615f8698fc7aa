// Operators hear of what was given up, wherever in the mesh.

import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { SMTPServer } from "smtp-server";
import { handClock } from "../../../lib/clock.ts";
import { ask } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import { AccountNeighbours } from "../../../test/support/account-neighbours.ts";
import { anOrder, OrderNeighbours, until } from "../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as notifications from "./notifications.contract.ts";
import type { DeadLetterWatch } from "./notifications.watch.ts";

const usr = () => newId("usr", Date.now());
const store = storeContract("notifications");

let stoa: Stoa;
let clock: ReturnType<typeof handClock>;
let shop: OrderNeighbours;
let house: AccountNeighbours;
let mails: SMTPServer;

/** A mail server that knows no mailbox. */
async function aMailServer(): Promise<SMTPServer> {
	const server = new SMTPServer({
		disabledCommands: ["AUTH", "STARTTLS"],
		onRcptTo: (_address, _session, done) => done(Object.assign(new Error("no such mailbox"), { responseCode: 550 })),
	});
	await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
	return server;
}

beforeEach(async () => {
	clock = handClock();
	shop = new OrderNeighbours();
	house = new AccountNeighbours();
	mails = await aMailServer();
	const orders = shop.services().filter(({ name }) => name !== "authentication");
	stoa = await startStoa({
		services: ["notification/notifications"],
		also: [...orders, ...house.services()],
		clock,
		delivery: { attempts: 1, backoff: () => 0 },
		env: { STOA_SMTP_URL: `smtp://127.0.0.1:${(mails.server.address() as AddressInfo).port}` },
	});
	shop.joined(stoa);
	house.joined(stoa);
});
afterEach(async () => {
	await stoa.stop();
	await new Promise<void>(resolve => mails.close(resolve));
});

const look = () => stoa.service<{ watch: DeadLetterWatch }>("notifications").watch.look();
const toldTo = async (userId: string) =>
	(await ask(stoa.broker, notifications.ofUser, { userId, limit: 100 })).data.filter(({ channel }) => channel === "inApp");
const dead = (count: number) =>
	until(
		() => ask(stoa.broker, store.listLetters, { status: "dead", limit: 100 }),
		letters => letters.length === count,
	);
/** A refund that nobody can be told of, as nobody says what its order is called. */
async function aDeadFact() {
	shop.ordersAway = true;
	await shop.refund(anOrder({ userId: usr() }), 100);
}

describe("a dead letter", () => {
	it("is told to each operator once, with what to type", async () => {
		house.operators = [usr(), usr()];
		await aDeadFact();
		const [letter] = await dead(1);
		await look();
		await look();
		for (const operator of house.operators) {
			const told = await toldTo(operator);
			expect(told).toMatchObject([{ type: "operator.deadLetter", title: "Dead letter of notifications: payments.refunded" }]);
			expect(told[0]!.body).toContain(`dlq redrive ${letter!.id}`);
		}
	});

	it("is told by every node that looks, and again after a restart, without a second message", async () => {
		house.operators = [usr()];
		await aDeadFact();
		await dead(1);
		await look();
		await stoa.restart();
		await look();
		expect(await toldTo(house.operators[0]!)).toHaveLength(1);
	});

	it("is news again when it was tried again and died again", async () => {
		house.operators = [usr()];
		await aDeadFact();
		const [letter] = await dead(1);
		await look();
		clock.move(1000);
		await ask(stoa.broker, store.redriveLetter, { id: letter!.envelope.id });
		await until(
			() => dead(1),
			([again]) => again!.lastFailedAt !== letter!.lastFailedAt,
		);
		await look();
		expect(await toldTo(house.operators[0]!)).toHaveLength(2);
	});

	it("waits for the first operator", async () => {
		await aDeadFact();
		await dead(1);
		await look();
		house.operators = [usr()];
		await look();
		expect(await toldTo(house.operators[0]!)).toHaveLength(1);
	});

	it("is a message that a mailbox refused, too, but never the message about one", async () => {
		house.operators = [usr()];
		house.emails.set(house.operators[0]!, "operator@example.org");
		const userId = usr();
		house.emails.set(userId, "gone@example.org");
		await house.changePassword(userId);
		await dead(1);
		await look();
		// The operator's own mailbox is refused as well.
		const letters = await dead(2);
		expect(letters.map(({ envelope }) => envelope.data.type).sort()).toEqual(["account.passwordChanged", "operator.deadLetter"]);
		for (let looks = 0; looks < 3; looks++) await look();
		await dead(2);
		expect(await toldTo(house.operators[0]!)).toMatchObject([{ title: "Dead letter of notifications: account.passwordChanged (email)" }]);
	});
});

describe("a message that was given up", () => {
	it("is found, shown, tried again and dropped like any dead letter", async () => {
		const userId = usr();
		house.emails.set(userId, "gone@example.org");
		await house.changePassword(userId);
		await aDeadFact();
		const letters = await dead(2);
		const { envelope } = letters.find(({ type }) => type === "notifications.queued")!;
		expect(envelope).toMatchObject({ producer: "notifications", key: userId, data: { channel: "email", type: "account.passwordChanged" } });
		expect(JSON.stringify(letters)).not.toContain("@");
		const { id } = envelope;
		expect(await ask(stoa.broker, store.getLetter, { id })).toMatchObject({ status: "dead", error: "refused with 550" });
		expect(await ask(stoa.broker, store.redriveLetter, { id })).toEqual({ done: true });
		await dead(2);
		expect(await ask(stoa.broker, store.dropLetter, { id })).toEqual({ done: true });
		expect(await ask(stoa.broker, store.dropLetter, { id })).toEqual({ done: false });
		await expect(ask(stoa.broker, store.getLetter, { id })).rejects.toMatchObject({ type: "not_found" });
		await dead(1);
	});
});
