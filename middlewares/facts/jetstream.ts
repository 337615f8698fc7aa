// JetStream as the transport of numbered facts: one stream, a subject per producer, a durable pull consumer per listening group and producer.
// It carries and wakes; what it loses (a power cut, a deleted folder) is noticed by the positions and read from the producer's outbox.
import type { Logger } from "moleculer";
import {
	AckPolicy,
	type ConnectionOptions,
	type Consumer,
	type ConsumerMessages,
	connect,
	DeliverPolicy,
	type JetStreamClient,
	type JetStreamManager,
	type JsMsg,
	type NatsConnection,
	RetentionPolicy,
	StorageType,
} from "nats";
import { ConfigError } from "../../lib/config.ts";
import type { Envelope } from "../../lib/vocabulary.ts";

// Longer than any outage that is worth bridging; past it the outbox serves.
const keptMs = 7 * 24 * 3600_000;
// A publisher that was taken over repeats at most what it had under way.
const duplicateWindowMs = 10 * 60_000;
const requestMs = 3000;
const ackWaitMs = 30_000;
const unackedMax = 2000;
const againMs = 500;
const sayAfterMs = 3000;

const nanos = (ms: number) => ms * 1_000_000;
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

/** The reading of one producer's facts by one group. */
export interface Following {
	/** Facts up to this position were settled (or do not concern the group): the server may forget that it sent them. */
	passed(position: number): void;
	stop(): Promise<void>;
}

/** Whose facts: positions count within one store, and a store that was made anew begins again at 1. */
export interface Origin {
	producer: string;
	storeId: string;
}

export interface Listener {
	group: string;
	producer: string;
	/** The store of the producer as it is now. May reject while nobody can say. */
	storeId(): Promise<string>;
	/** Facts in the stream's order. */
	heard(fact: Envelope): void;
	/** Reading (re)began: something may have been missed. */
	joined(): void;
}

export interface Wire {
	/** Position of the newest fact of an origin that the stream confirmed; 0 when it holds none. */
	confirmed(origin: Origin): Promise<number>;
	/** Publishes numbered facts, in order. Resolves when all are confirmed, rejects when one is not known to be. */
	publish(origin: Origin, facts: readonly Envelope[]): Promise<void>;
	follow(listener: Listener): Following;
	/** Tells the other nodes that a service told something. May be lost. */
	hint(service: string): void;
	onHint(service: string, listener: () => void): void;
	/** Called when the server is there again. */
	onBack(listener: () => void): void;
	close(): Promise<void>;
}

export interface WireGiven {
	options: ConnectionOptions;
	namespace: string;
	/** Copies of the stream in a cluster of servers. */
	replicas: number;
	logger: Pick<Logger, "warn" | "info">;
}

const codeOf = (error: unknown) =>
	(error as { api_error?: { err_code?: number }; code?: string }).api_error?.err_code ?? (error as { code?: string }).code;
const streamNotFound = 10059;
const noMessage = 10037;

/** Connects and makes the stream if it is not there. Waits for the server; throws {@link ConfigError} for one that refuses us or has no JetStream. */
export async function openWire({ options, namespace, replicas, logger }: WireGiven): Promise<Wire> {
	const stream = `${namespace}_facts`;
	const subjectOf = ({ producer, storeId }: Origin) => `${namespace}.facts.${producer}.${storeId}`;
	const waiting = setTimeout(() => logger.warn("this node waits for the server of STOA_NATS_URL"), sayAfterMs);
	const connection = await connectOrSay(options).finally(() => clearTimeout(waiting));
	const manager = await managerOrSay(connection);
	const jetstream = connection.jetstream({ timeout: requestMs });
	const backListeners: (() => void)[] = [];

	const ensureStream = () =>
		manager.streams.info(stream).catch(error => {
			if (codeOf(error) !== streamNotFound) throw error;
			return manager.streams.add({
				name: stream,
				subjects: [`${namespace}.facts.>`],
				retention: RetentionPolicy.Limits,
				storage: StorageType.File,
				num_replicas: replicas,
				max_age: nanos(keptMs),
				duplicate_window: nanos(duplicateWindowMs),
				allow_direct: true,
			});
		});

	(async () => {
		for await (const { type } of connection.status()) if (type === "reconnect") for (const listener of backListeners) listener();
	})().catch(() => undefined);
	await ensureStream();

	return {
		async confirmed(origin) {
			await ensureStream();
			try {
				return (await manager.streams.getMessage(stream, { last_by_subj: subjectOf(origin) })).json<Envelope>().position;
			} catch (error) {
				if (codeOf(error) === noMessage || codeOf(error) === "404") return 0;
				throw error;
			}
		},

		async publish(origin, facts) {
			const subject = subjectOf(origin);
			await Promise.all(
				facts.map(fact => jetstream.publish(subject, JSON.stringify(fact), { msgID: fact.id, expect: { streamName: stream } })),
			);
		},

		follow: listener => new Reading({ stream, subjectOf, manager, jetstream, ensureStream, listener, logger }),

		hint(service) {
			if (!connection.isClosed()) connection.publish(`${namespace}.told.${service}`);
		},

		onHint(service, listener) {
			connection.subscribe(`${namespace}.told.${service}`, { callback: () => listener() });
		},

		onBack: listener => backListeners.push(listener),

		async close() {
			await connection.drain().catch(() => connection.close());
		},
	};
}

async function connectOrSay(options: ConnectionOptions): Promise<NatsConnection> {
	try {
		return await connect(options);
	} catch (error) {
		if (codeOf(error) === "AUTHORIZATION_VIOLATION" || codeOf(error) === "AUTHENTICATION_EXPIRED")
			throw new ConfigError("NATS refuses this node: STOA_NATS_USER and STOA_NATS_PASSWORD are wrong or missing.");
		throw new ConfigError(`STOA_NATS_URL cannot be connected to (${(error as Error).message}).`);
	}
}

async function managerOrSay(connection: NatsConnection): Promise<JetStreamManager> {
	// Right after its own start a server answers before its JetStream does.
	for (let attempt = 1; ; attempt++) {
		try {
			return await connection.jetstreamManager({ timeout: requestMs });
		} catch (error) {
			if (attempt >= 10) {
				await connection.close();
				throw new ConfigError(
					`The server of STOA_NATS_URL has no JetStream for us (${(error as Error).message}). Start it with JetStream (-js).`,
				);
			}
			await pause(againMs);
		}
	}
}

interface ReadingGiven {
	stream: string;
	subjectOf(origin: Origin): string;
	manager: JetStreamManager;
	jetstream: JetStreamClient;
	ensureStream(): Promise<unknown>;
	listener: Listener;
	logger: Pick<Logger, "warn" | "info">;
}

/** One consumer, read until it is stopped; made again when the server forgot it. */
class Reading implements Following {
	readonly #given: ReadingGiven;
	readonly #unacked: { position: number; message: JsMsg }[] = [];
	readonly #ended: Promise<void>;
	#messages: ConsumerMessages | undefined;
	#passed = 0;
	#stopped = false;

	constructor(given: ReadingGiven) {
		this.#given = given;
		this.#ended = this.#run();
	}

	passed(position: number): void {
		this.#passed = Math.max(this.#passed, position);
		while (this.#unacked[0] && this.#unacked[0].position <= this.#passed) this.#unacked.shift()!.message.ack();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#messages?.stop();
		await this.#ended;
	}

	async #run(): Promise<void> {
		while (!this.#stopped) {
			try {
				const consumer = await this.#consumer();
				const messages = await consumer.consume({ max_messages: unackedMax / 4, expires: 10_000 });
				this.#messages = messages;
				// What this consumer had sent before is sent again to whoever reads now.
				this.#unacked.length = 0;
				this.#given.listener.joined();
				void this.#watch(messages);
				if (this.#stopped) messages.stop();
				for await (const message of messages) this.#take(message);
			} catch (error) {
				const { group, producer } = this.#given.listener;
				if (!this.#stopped) this.#given.logger.info(`${group} cannot read the facts of ${producer} from JetStream yet`, error);
			}
			if (!this.#stopped) await pause(againMs);
		}
	}

	#take(message: JsMsg): void {
		const fact = message.json<Envelope>();
		if (fact.position <= this.#passed) {
			message.ack();
			return;
		}
		this.#unacked.push({ position: fact.position, message });
		this.#given.listener.heard(fact);
	}

	/** A consumer or stream that was deleted would be asked for messages for ever. */
	async #watch(messages: ConsumerMessages): Promise<void> {
		for await (const { type } of await messages.status()) {
			if (type === "consumer_deleted" || type === "consumer_not_found" || type === "stream_not_found") messages.stop();
		}
	}

	async #consumer(): Promise<Consumer> {
		const { stream, subjectOf, manager, jetstream, ensureStream, listener } = this.#given;
		const { group, producer } = listener;
		const subject = subjectOf({ producer, storeId: await listener.storeId() });
		const name = `${group}_${producer}`;
		await ensureStream();
		await manager.consumers.add(stream, {
			durable_name: name,
			filter_subject: subject,
			ack_policy: AckPolicy.Explicit,
			deliver_policy: DeliverPolicy.All,
			ack_wait: nanos(ackWaitMs),
			max_ack_pending: unackedMax,
			// Tries are ours to count: the server's would end with a fact that nobody has seen.
			max_deliver: -1,
		});
		return jetstream.consumers.get(stream, name);
	}
}
