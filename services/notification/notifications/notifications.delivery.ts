// Carries the queued notifications of one channel: takes what is due by a conditional write, so that one node alone carries it, tries, and writes
// down how it went. A node that dies in between leaves a claim that runs out; the next try has the same message id.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "moleculer";
import type { Clock } from "../../../lib/clock.ts";
import type { CrashPoints } from "../../../lib/crash.ts";
import { codeOf } from "../../../lib/failure.ts";
import type { Collection, Decision } from "../../../mixins/documents/collection.ts";
import { type Channel, NotBegun, Undeliverable } from "./channels/channel.ts";
import { claimed, delivered, type NotificationDocument, notBegun, renewed, renewMs, undelivered } from "./notifications.domain.ts";

// As many as a mail server likes to take at once from one sender.
const batchMax = 20;
// What another node left behind, and what waited for its next try, is found this soon.
const pollMs = 1000;
// Longer than a channel waits for its server: whatever hangs beyond that hangs for ever.
const tryMs = 11 * 60_000;
// How long a try under way may hold up the end of the process.
const graceMs = 5000;
// What went out must be written down, or it would go out again: a store that is away for a moment is asked as long as the claim lasts.
const writesMax = 20;
const writeAgainMs = 1000;

export interface DeliveryGiven {
	notifications: Collection<NotificationDocument>;
	channel: Channel;
	clock: Clock;
	crash: CrashPoints;
	logger: Pick<Logger, "warn">;
	/** How often a try under way is said to be so; {@link renewMs} unless told. */
	renewMs?: number;
}

const changedTo = (doc: ReturnType<typeof renewed>): Decision<NotificationDocument> | undefined => doc && { doc };

/** Codes only: sentences of mail servers repeat the address. */
function reasonOf(error: unknown): string {
	if (error instanceof Undeliverable) return error.reason;
	const { code, responseCode, name } = error as Error & { code?: unknown; responseCode?: number };
	return [codeOf(error) ?? (typeof code === "string" ? code : name), responseCode].filter(Boolean).join(" ");
}

export class Delivery {
	readonly #given: DeliveryGiven;
	readonly #ending = new AbortController();
	#timer: NodeJS.Timeout | undefined;
	#running: Promise<void> | undefined;
	readonly #underWay = new Set<Promise<void>>();
	#again = false;
	#stopped = false;

	constructor(given: DeliveryGiven) {
		this.#given = given;
	}

	start(): void {
		this.#timer = setInterval(() => this.wake(), pollMs).unref();
		this.wake();
	}

	/** Something may be due. */
	wake(): void {
		this.#again = true;
		if (this.#stopped || this.#isFull) return;
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
			// Asked while it was ending.
			if (this.#again) this.wake();
		});
	}

	/** Resolves when whatever is under way has ended. */
	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		const grace = setTimeout(() => this.#ending.abort(), graceMs);
		await this.#running;
		await Promise.all(this.#underWay);
		clearTimeout(grace);
	}

	/** Tries everything that is due now, once; how many. */
	async round(): Promise<number> {
		const carried = await Promise.allSettled((await this.#due(batchMax)).map(notification => this.#carry(notification)));
		// All have ended before one that could not even be written down is reported.
		for (const outcome of carried) if (outcome.status === "rejected") throw outcome.reason;
		return carried.filter(outcome => outcome.status === "fulfilled" && outcome.value).length;
	}

	#due(limit: number): Promise<NotificationDocument[]> {
		const { notifications, channel, clock } = this.#given;
		const filter = { status: "queued", channel: channel.name, nextAt: { $lte: clock.now() } };
		return notifications.find({ filter, sort: { field: "nextAt", order: "ascending" }, limit });
	}

	/** Begins what is due. One that takes its server minutes keeps no other from being carried, as long as there are not too many of them. */
	async #run(): Promise<void> {
		try {
			while (this.#again && !this.#stopped && !this.#isFull) {
				this.#again = false;
				for (const notification of await this.#due(batchMax - this.#underWay.size)) this.#begin(notification);
			}
		} catch (error) {
			this.#complain(error);
		}
	}

	get #isFull(): boolean {
		return this.#underWay.size >= batchMax;
	}

	#begin(notification: NotificationDocument): void {
		const carrying = this.#carry(notification)
			.catch(error => this.#complain(error))
			.then(carried => {
				this.#underWay.delete(carrying);
				// There is room for one more. What somebody else was faster at says nothing of the rest.
				if (carried) this.wake();
			});
		this.#underWay.add(carrying);
	}

	#complain(error: unknown): void {
		this.#given.logger.warn("notifications could not be looked through; the next look comes soon", error);
	}

	/** False when somebody was faster. */
	async #carry(notification: NotificationDocument): Promise<boolean> {
		const { notifications, clock } = this.#given;
		const claim = randomUUID();
		if (!(await notifications.replace(claimed(notification, { claim, now: clock.now() }), notification.version))) return false;
		const renewing = setInterval(() => void this.#renew(notification._id, claim), this.#given.renewMs ?? renewMs);
		const outcome = await this.#outcomeOf(notification, claim).finally(() => clearInterval(renewing));
		await this.#write(notification._id, outcome);
		return true;
	}

	async #renew(id: string, claim: string): Promise<void> {
		const { notifications, clock } = this.#given;
		try {
			await notifications.change(id, doc => changedTo(renewed(doc, { claim, now: clock.now() })));
		} catch {
			// The store is away for a moment: the claim lasts for two more of these.
		}
	}

	/** Tries, and answers what this makes of the notification. */
	async #outcomeOf(
		notification: NotificationDocument,
		claim: string,
	): Promise<(doc: NotificationDocument) => Decision<NotificationDocument> | undefined> {
		const { clock, logger } = this.#given;
		try {
			const status = await this.#try(notification);
			return doc => ({ doc: delivered(doc, status) });
		} catch (error) {
			if (error instanceof NotBegun) return doc => changedTo(notBegun(doc, { claim, now: clock.now() }));
			const final = error instanceof Undeliverable;
			const failed = { reason: reasonOf(error), final, hasReceiver: !final || error.hasReceiver, now: clock.now() };
			const { _id, channel, attempts } = notification;
			logger.warn(`${_id} (${channel}) did not go out at try ${attempts + 1}: ${failed.reason}`);
			return doc => changedTo(undelivered(doc, claim, failed));
		}
	}

	async #write(id: string, decide: (doc: NotificationDocument) => Decision<NotificationDocument> | undefined): Promise<void> {
		for (let attempt = 1; ; attempt++) {
			try {
				await this.#given.notifications.change(id, decide);
				return;
			} catch (error) {
				if (attempt === writesMax || this.#stopped) throw error;
				await sleep(writeAgainMs);
			}
		}
	}

	async #try({ _id, type, userId, orderId, locale, title, body, createdAt }: NotificationDocument): Promise<"sent" | "kept"> {
		const { channel, crash } = this.#given;
		crash.at(`notifications/${channel.name}/beforeSend`);
		const status = await channel.deliver(
			{ id: _id, type, userId, orderId, locale, title, body, createdAt },
			AbortSignal.any([this.#ending.signal, AbortSignal.timeout(tryMs)]),
		);
		crash.at(`notifications/${channel.name}/afterSend`);
		return status;
	}
}
