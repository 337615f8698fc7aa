// The check of a checkout as its caller waits for it: the action, on the embedded store with its flush to the disk, one at a time and several at once.
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ServiceBroker } from "moleculer";
import { readConfig } from "../../lib/config.ts";
import { ask } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import { makeRuntime } from "../../lib/runtime.ts";
import { brokerOptions } from "../../middlewares/broker-options.ts";
import * as fraud from "../../services/risk/fraud/fraud.contract.ts";
import service, { type Fraud } from "../../services/risk/fraud/fraud.service.ts";
import { percentile } from "../load.ts";

export interface Assessing {
	atOnce: number;
	count: number;
	p50Ms: number;
	p99Ms: number;
	perSecond: number;
}

export interface Assess {
	/** One row and its commit on the same store: less than this no decision that is kept can take. */
	commitP50Ms: number;
	rows: Assessing[];
}

const count = 2000;
const buyers = 400;

export async function measureAssess(): Promise<Assess> {
	const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-bench-risk-"));
	const env = { STOA_DATA_DIR: dataDir, STOA_OPS_PORT: "0", STOA_LOG_LEVEL: "error" };
	const broker = new ServiceBroker({ ...brokerOptions(makeRuntime({ config: readConfig(env) })), skipProcessEventRegistration: true });
	broker.createService(service);
	try {
		await broker.start();
		const { store } = broker.getLocalService("fraud") as unknown as Fraud;
		const rows: Assessing[] = [];
		for (const atOnce of [1, 16]) rows.push(await assessing(broker, atOnce));
		const commits = await timed(1, 500, n => store.transaction(tx => tx.insert("metadata", { name: `commit-${n}`, value: "" })));
		return { commitP50Ms: percentile(commits, 50)!, rows };
	} finally {
		await broker.stop();
		fs.rmSync(dataDir, { recursive: true, force: true });
	}
}

async function assessing(broker: ServiceBroker, atOnce: number): Promise<Assessing> {
	const began = performance.now();
	const took = await timed(atOnce, count, n => ask(broker, fraud.assess, anAttempt(n)));
	const seconds = (performance.now() - began) / 1000;
	return { atOnce, count, p50Ms: percentile(took, 50)!, p99Ms: percentile(took, 99)!, perSecond: count / seconds };
}

/** Milliseconds of each call, sorted; so many of them under way at a time. */
async function timed(atOnce: number, calls: number, call: (n: number) => Promise<unknown>): Promise<number[]> {
	const took: number[] = [];
	let next = 0;
	const caller = async () => {
		while (next < calls) {
			const began = performance.now();
			await call(next++);
			took.push(performance.now() - began);
		}
	};
	await Promise.all(Array.from({ length: atOnce }, caller));
	return took.sort((one, other) => one - other);
}

/** One of some hundred buyers, each with a device and a card, behind some fifty addresses. */
function anAttempt(n: number): fraud.Attempt {
	const now = Date.now();
	const buyer = String(n % buyers);
	return {
		attemptId: newId("opr", now),
		orderId: newId("ord", now),
		paymentId: newId("pay", now),
		userId: null,
		sessionId: randomUUID(),
		addressHash: String(n % 50).padStart(64, "a"),
		deviceHash: buyer.padStart(64, "d"),
		instrument: buyer.padStart(64, "c"),
		isShared: false,
		amount: { amount: 3412, currency: "EUR" },
		country: "GR",
		itemCount: 1,
	};
}
