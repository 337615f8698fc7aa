// Two nodes over one document server: both hear the same facts, both look for what is to be carried, and a person gets each message once.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { SMTPServer } from "smtp-server";
import { rfc3339 } from "../../../lib/clock.ts";
import { answer, ask, type HeardEvent } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { defineService } from "../../../lib/service.ts";
import { storeContract } from "../../../lib/store-contract.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import type { DocumentService } from "../../../mixins/document-store.ts";
import type { Collection } from "../../../mixins/documents/collection.ts";
import { describeWith } from "../../../test/support/engines/describe-with.ts";
import { sharedServer } from "../../../test/support/engines/engines.ts";
import { until } from "../../../test/support/order-neighbours.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import { emailsOf } from "../../identity/authentication/authentication.contract.ts";
import { usersWithRole } from "../../identity/authorization/authorization.contract.ts";
import * as notifications from "./notifications.contract.ts";
import type { NotificationDocument } from "./notifications.domain.ts";
import { drop } from "./notifications.letters.ts";
import type { DeadLetterWatch } from "./notifications.watch.ts";

type Node = DocumentService & { notifications: Collection<NotificationDocument>; watch: DeadLetterWatch };

const usr = () => newId("usr", Date.now());
const operator = usr();
const neighbours = () => [
	defineService({
		name: "authentication",
		actions: {
			emailsOf: answer(emailsOf, ({ params }) => ({ emails: params.userIds.map(userId => ({ userId, email: `${userId}@example.org` })) })),
		},
	}),
	defineService({ name: "authorization", actions: { usersWithRole: answer(usersWithRole, () => ({ userIds: [operator] })) } }),
];

let position = 0;
/** A changed password, as the producer would hand it over. */
const aFact = (userId: string): Envelope => ({
	id: newId("evt", Date.now()),
	type: "authentication.passwordChanged",
	version: 1,
	key: userId,
	producer: "authentication",
	position: ++position,
	occurredAt: rfc3339(Date.now()),
	requestId: null,
	traceparent: null,
	actor: null,
	data: { userId, sessionId: newId("ses", Date.now()) },
});

describeWith("mongo")("two nodes of notifications over one document server", () => {
	let nodes: [Stoa, Stoa];
	let mails: SMTPServer;
	let hooks: Server;
	let mailed: string[];
	let posted: string[];
	let status: number;

	beforeAll(async () => {
		mails = new SMTPServer({
			disabledCommands: ["AUTH", "STARTTLS"],
			onData(stream, session, done) {
				void text(stream).then(() => {
					mailed.push(session.envelope.rcptTo[0]!.address.split("@")[0]!);
					done();
				});
			},
		});
		hooks = createServer((request, response) => {
			void text(request).then(body => {
				posted.push((JSON.parse(body) as { userId: string }).userId);
				response.writeHead(status).end();
			});
		});
		await new Promise<void>(resolve => mails.listen(0, "127.0.0.1", resolve));
		await new Promise<void>(resolve => hooks.listen(0, "127.0.0.1", resolve));
		const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
		const env = {
			STOA_MONGO_URL: await sharedServer("mongo"),
			STOA_NAMESPACE: `t${newId("ntf", Date.now()).slice(-16)}`,
			STOA_HMAC_SECRET: randomBytes(32).toString("base64"),
			STOA_SIGNING_KEYS: JSON.stringify({ keys: [jwk] }),
			STOA_SMTP_URL: `smtp://127.0.0.1:${(mails.server.address() as AddressInfo).port}`,
			STOA_PUSH_WEBHOOK_URL: `http://127.0.0.1:${(hooks.address() as AddressInfo).port}`,
			STOA_NOTIFY_WEBHOOK_SECRET: "between the shop and its gateway",
		};
		const node = () => startStoa({ services: ["notification/notifications"], also: neighbours(), env });
		nodes = [await node(), await node()];
	}, 120_000);
	afterAll(async () => {
		await Promise.all((nodes ?? []).map(node => node.stop()));
		hooks.closeAllConnections();
		await Promise.all([new Promise<void>(resolve => mails.close(resolve)), new Promise(resolve => hooks.close(resolve))]);
	});
	beforeEach(() => {
		mailed = [];
		posted = [];
		status = 200;
	});
	afterEach(async () => {
		const { notifications } = serviceOf(nodes[0]);
		for (const { _id } of await notifications.find({ filter: { letter: "dead" }, limit: 100 }))
			await drop(notifications, _id.replace("ntf_", "evt_"));
	});

	const serviceOf = (node: Stoa) => node.service<Node>("notifications");
	/** What a node does when it is handed a fact. */
	const hears = async (node: Stoa, envelope: Envelope) => {
		const service = serviceOf(node);
		const { hear } = (service.schema.events as unknown as Record<string, HeardEvent>)[envelope.type]!;
		await hear.call(service, { params: envelope.data as never, envelope: envelope as never, tx: undefined });
	};
	const told = async (userId: string) => (await ask(nodes[1].broker, notifications.ofUser, { userId, limit: 100 })).data;
	const prefer = (node: Stoa, userId: string, channels: notifications.ChannelName[]) =>
		ask(node.broker, notifications.setPreferences, { channels: { "*": channels } }, { meta: node.as(userId) });

	it("tell each person once over each channel, whoever hears the fact first", async () => {
		const people = Array.from({ length: 25 }, usr);
		await Promise.all(people.map((userId, index) => prefer(nodes[index % 2 ? 0 : 1], userId, ["inApp", "email", "push"])));
		const facts = people.map(aFact);
		await Promise.all(nodes.flatMap(node => facts.map(fact => hears(node, fact))));
		for (const userId of people) {
			const seen = await until(
				() => told(userId),
				all => all.every(({ status }) => status === "sent"),
			);
			expect(seen.map(({ channel }) => channel).sort()).toEqual(["email", "inApp", "push"]);
		}
		expect(mailed.sort()).toEqual([...people].sort());
		expect(posted.sort()).toEqual([...people].sort());
	});

	it("show each other's preferences at once", async () => {
		const userId = usr();
		await prefer(nodes[0], userId, ["inApp"]);
		await hears(nodes[1], aFact(userId));
		expect((await told(userId)).map(({ channel }) => channel)).toEqual(["inApp"]);
		await Promise.all([prefer(nodes[0], userId, ["sms"]), prefer(nodes[1], userId, ["push"])]);
		const [one, other] = await Promise.all(
			nodes.map(({ broker }, index) => ask(broker, notifications.getPreferences, {}, { meta: nodes[index]!.as(userId) })),
		);
		expect(one).toEqual(other);
	});

	it("tell the operators once of a message that was given up", async () => {
		status = 410;
		const userId = usr();
		await prefer(nodes[0], userId, ["push"]);
		await prefer(nodes[0], operator, ["inApp"]);
		await hears(nodes[0], aFact(userId));
		await until(
			() => ask(nodes[1].broker, storeContract("notifications").listLetters, { status: "dead", limit: 10 }),
			letters => letters.length === 1,
		);
		await until(
			async () => {
				await Promise.all(nodes.map(node => serviceOf(node).watch.look()));
				return told(operator);
			},
			seen => seen.length > 0,
		);
		await Promise.all(nodes.map(node => serviceOf(node).watch.look()));
		expect(await told(operator)).toHaveLength(1);
		expect(posted).toEqual([userId]);
	});
});
