// What people hear of their accounts, and what they say of how they want to be told.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { handClock } from "../../../lib/clock.ts";
import { ask, type HeardEvent } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { DocumentService } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { AccountNeighbours } from "../../../test/support/account-neighbours.ts";
import { anOrder, OrderNeighbours, until } from "../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as notifications from "./notifications.contract.ts";
import type { DeviceDocument } from "./notifications.store.ts";
import type { PreferencesDocument } from "./preferences.domain.ts";

const usr = () => newId("usr", Date.now());
const device = (letter: string) => letter.repeat(64);

let stoa: Stoa;
let clock: ReturnType<typeof handClock>;
let shop: OrderNeighbours;
let house: AccountNeighbours;

beforeEach(async () => {
	clock = handClock();
	shop = new OrderNeighbours();
	house = new AccountNeighbours();
	const orders = shop.services().filter(({ name }) => name !== "authentication");
	stoa = await startStoa({ services: ["notification/notifications"], also: [...orders, ...house.services()], clock });
	shop.joined(stoa);
	house.joined(stoa);
});
afterEach(() => stoa.stop());

const heard = async () => {
	for (const producer of ["orders", "payments", "authentication", "users", "carts"]) {
		const { head } = await ask(stoa.broker, storeContract(producer).storeState, {});
		await until(
			async () => (await ask(stoa.broker, storeContract("notifications").storeState, {})).cursors[producer] ?? 0,
			cursor => cursor >= head,
		);
	}
};
const told = async (userId: string) => {
	await heard();
	const { data } = await ask(stoa.broker, notifications.ofUser, { userId, limit: 100 });
	return data.map(({ type, channel }) => `${type} ${channel}`).sort();
};
const prefer = (userId: string, preferences: Partial<notifications.Preferences>) =>
	ask(stoa.broker, notifications.setPreferences, preferences, { meta: stoa.as(userId) });
const preferred = (userId: string) => ask(stoa.broker, notifications.getPreferences, {}, { meta: stoa.as(userId) });
type Collections = DocumentService & { preferences: Collection<PreferencesDocument>; devices: Collection<DeviceDocument> };

describe("what happens to an account", () => {
	const newLogin = ["account.newLogin email", "account.newLogin inApp"];

	it("is told when somebody signs in with a device that was not seen before, and not again for that device", async () => {
		const userId = usr();
		await house.signIn(userId, device("a"), "register");
		await house.signIn(userId, device("a"));
		expect(await told(userId)).toEqual([]);
		await house.signIn(userId, device("b"));
		await house.signIn(userId, device("b"));
		expect(await told(userId)).toEqual(newLogin);
		await house.signIn(usr(), device("b"));
		expect(await told(userId)).toEqual(newLogin);
	});

	it("is told of every sign-in by a device that nothing is known of", async () => {
		const userId = usr();
		await house.signIn(userId, null, "register");
		await house.signIn(userId, null);
		await house.signIn(userId, null);
		expect(await told(userId)).toEqual([...newLogin, ...newLogin].sort());
	});

	it("is told once, however often the sign-in is heard", async () => {
		const userId = usr();
		await house.signIn(userId, device("c"));
		await heard();
		const [envelope] = await ask(stoa.broker, storeContract("authentication").readFacts, { after: 0, limit: 10 });
		const service = stoa.service<DocumentService>("notifications");
		const { hear } = (service.schema.events as unknown as Record<string, HeardEvent>)["authentication.succeeded"]!;
		await hear.call(service, { params: envelope!.data as never, envelope: envelope as never, tx: undefined });
		expect(await told(userId)).toEqual(newLogin);
	});

	it("is told when the password was changed, at which moment, in the reader's language", async () => {
		const userId = usr();
		await prefer(userId, { locale: "de-DE" });
		await house.changePassword(userId);
		expect(await told(userId)).toEqual(["account.passwordChanged email", "account.passwordChanged inApp"]);
		const { data } = await ask(stoa.broker, notifications.list, {}, { meta: stoa.as(userId) });
		expect(data[0]).toMatchObject({ title: "Ihr Passwort wurde geändert", body: expect.stringContaining("05.01.2026, 09:00 UTC") });
	});

	it("keeps hashes of devices alone, and forgets them and every preference of an erased person", async () => {
		const userId = usr();
		await prefer(userId, { locale: "de", channels: { "*": ["sms"] } });
		await house.signIn(userId, device("d"));
		await heard();
		await house.erase(userId);
		await heard();
		const { preferences, devices } = stoa.service<Collections>("notifications");
		expect(await devices.find({ filter: { userId }, limit: 10 })).toEqual([]);
		expect(await preferences.get(userId)).toMatchObject({ locale: "en", channels: [], erased: true });
		await expect(preferred(userId)).rejects.toMatchObject({ type: "not_found" });
		await expect(prefer(userId, { locale: "de" })).rejects.toMatchObject({ type: "not_found" });
	});

	it("is told to nobody who was erased", async () => {
		const userId = usr();
		await house.erase(userId);
		await heard();
		await shop.place(anOrder({ userId }));
		await house.changePassword(userId);
		expect(await told(userId)).toEqual([]);
	});
});

describe("a cart that was left", () => {
	it("is told to its owner, once for each time it was left, and to nobody when it is a guest's", async () => {
		const userId = usr();
		await house.abandonCart(userId);
		expect(await told(userId)).toEqual(["cart.abandoned email", "cart.abandoned inApp"]);
		await house.abandonCart(null);
		await heard();
		expect(await ask(stoa.broker, storeContract("notifications").listLetters, { limit: 10 })).toEqual([]);
		await house.abandonCart(userId);
		expect(await told(userId)).toHaveLength(4);
	});

	it("is told over the channels its owner chose, or not at all", async () => {
		const [quiet, pushed] = [usr(), usr()];
		await prefer(quiet, { channels: { "cart.abandoned": [] } });
		await prefer(pushed, { channels: { "cart.abandoned": ["push"] } });
		await house.abandonCart(quiet);
		await house.abandonCart(pushed);
		expect(await told(quiet)).toEqual([]);
		expect(await told(pushed)).toEqual(["cart.abandoned push"]);
	});
});

describe("how somebody wants to be told", () => {
	it("is in English, in the app and by email, until they say so", async () => {
		expect(await preferred(usr())).toEqual({ locale: "en", channels: { "*": ["inApp", "email"] } });
	});

	it("reads as it was said last, what was left out as if it had never been said", async () => {
		const userId = usr();
		const said: notifications.Preferences = { locale: "de-AT", channels: { "*": ["push"], "order.confirmed": ["sms", "inApp"] } };
		expect(await prefer(userId, said)).toEqual(said);
		expect(await preferred(userId)).toEqual(said);
		expect(await prefer(userId, { channels: { "cart.abandoned": [] } })).toEqual({ locale: "en", channels: { "cart.abandoned": [] } });
		expect(await preferred(usr())).toEqual({ locale: "en", channels: { "*": ["inApp", "email"] } });
	});

	it("holds for every fact from then on", async () => {
		const userId = usr();
		await prefer(userId, { channels: { "*": ["push"], "order.confirmed": ["sms", "inApp"], "order.cancelled": [] } });
		const order = anOrder({ userId });
		await shop.place(order);
		await shop.cancel(order);
		await shop.refund(order, 100);
		expect(await told(userId)).toEqual(["order.confirmed inApp", "order.confirmed sms", "payment.refunded push"]);
	});

	it("cannot keep somebody from hearing in the app what happens to their account", async () => {
		const userId = usr();
		await prefer(userId, { channels: { "*": [], "account.newLogin": ["email"], "account.passwordChanged": [] } });
		await house.signIn(userId, device("e"));
		await house.changePassword(userId);
		await shop.place(anOrder({ userId }));
		expect(await told(userId)).toEqual(["account.newLogin email", "account.newLogin inApp", "account.passwordChanged inApp"]);
	});

	it("is saved whole when it is said twice at once", async () => {
		const userId = usr();
		const said: Partial<notifications.Preferences>[] = [
			{ locale: "de", channels: { "*": ["email"] } },
			{ locale: "fr", channels: { "*": ["sms"] } },
		];
		await Promise.all(said.map(preferences => prefer(userId, preferences)));
		expect(said).toContainEqual(await preferred(userId));
	});
});
