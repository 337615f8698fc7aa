import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ServiceBroker } from "moleculer";
import { readConfig } from "../../lib/config.ts";
import { validationFailed } from "../../lib/failure.ts";
import { lockDataFolder, ownsDataFolder } from "../../middlewares/data-folder.ts";
import { dutiesOf, firstStart } from "./first-start.ts";

const { nats } = readConfig({ STOA_NATS_URL: "nats://127.0.0.1:4222" });
const identity = ["authentication", "authorization", "users"];
const everything = [...identity, "products", "inventory", "orders", "gateway"];

describe("what a node does for a new shop", () => {
	it("is everything, before it is ready, where it runs everything", () => {
		expect(dutiesOf(everything, { nats: undefined, production: false })).toEqual({ administrator: true, seed: true, alone: true });
	});

	it("is nothing, and keeps nobody waiting, where others have the accounts and the catalogue", () => {
		expect(dutiesOf(["gateway"], { nats, production: false })).toEqual({ administrator: false, seed: false, alone: true });
	});

	it("is the administrator on the node of all accounts, which needs nobody else", () => {
		expect(dutiesOf(identity, { nats, production: false })).toEqual({ administrator: true, seed: false, alone: true });
	});

	it("does not hold up a node that needs others for it: they may be waiting for this one", () => {
		expect(dutiesOf(["authentication"], { nats, production: false })).toEqual({ administrator: true, seed: false, alone: false });
		expect(dutiesOf(["products", "inventory"], { nats, production: false })).toEqual({ administrator: false, seed: true, alone: false });
	});

	it("is left out where nobody else will ever come to help", () => {
		expect(dutiesOf(["authentication", "products"], { nats: undefined, production: false })).toMatchObject({
			administrator: false,
			seed: false,
		});
	});

	it("is no seed in production", () => {
		expect(dutiesOf(everything, { nats: undefined, production: true })).toMatchObject({ administrator: true, seed: false });
	});
});

describe("the administrator of a mesh", () => {
	const credentials = { STOA_ADMIN_EMAIL: "ada@stoa.example", STOA_ADMIN_PASSWORD: "the administrator's own" };
	const config = { ...readConfig({ NODE_ENV: "test", ...credentials }), nats };
	const duties = { administrator: true, seed: false, alone: false };
	let broker: ServiceBroker;
	beforeEach(async () => {
		broker = new ServiceBroker({ logger: false, skipProcessEventRegistration: true });
		await broker.start();
	});
	afterEach(() => broker.stop());

	const authentication = (ensureAdministrator: () => unknown) =>
		broker.createService({ name: "authentication", actions: { ensureAdministrator } });

	it("is made as soon as those it takes have come", async () => {
		const made = firstStart(broker, config, duties);
		const asked: unknown[] = [];
		authentication(() => asked.push("made") && { created: true });
		expect(await made).toEqual({ administrator: undefined, seeded: undefined });
		expect(asked).toEqual(["made"]);
	});

	it("is not asked for again once that was refused", async () => {
		authentication(() => {
			throw validationFailed({ errors: [{ pointer: "/email", code: "pattern", detail: "is no email" }] });
		});
		await expect(firstStart(broker, config, duties)).rejects.toMatchObject({ type: "validation_failed" });
	});
});

describe("the data folder", () => {
	const sqlUrl = "mysql://stoa@db.example";
	const mongoUrl = "mongodb://documents.example";

	it("belongs to one process where any store lies in it", () => {
		const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-folder-"));
		const release = lockDataFolder(dataDir);
		expect(() => lockDataFolder(dataDir)).toThrow("is in use by another process");
		release();
		fs.rmSync(dataDir, { recursive: true });
		for (const urls of [{}, { sqlUrl }, { mongoUrl }]) {
			expect(ownsDataFolder({ sqlUrl: undefined, mongoUrl: undefined, ...urls })).toBe(true);
		}
	});

	it("may be shared by nodes whose stores are all on servers", () => {
		expect(ownsDataFolder({ sqlUrl, mongoUrl })).toBe(false);
	});
});
