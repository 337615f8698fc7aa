// What operators see and steer here: the store's own letters, which are facts that could not be heard, and messages that could not be delivered.
// They take the place of the actions that the store brings.
import { answer } from "../../../../lib/contract.ts";
import type { FactInbox } from "../../../../lib/facts.ts";
import { notFound } from "../../../../lib/failure.ts";
import { storeContract } from "../../../../lib/store-contract.ts";
import type { Listening } from "../../../../middlewares/facts/listening.ts";
import type { DocumentService } from "../../../../mixins/document-store.ts";
import type { Collection } from "../../../../mixins/documents/collection.ts";
import { shownLetter } from "../../../../mixins/store-actions.ts";
import type { Delivery } from "../notifications.delivery.ts";
import type { NotificationDocument } from "../notifications.domain.ts";
import { drop, newestOf, redrive, undeliveredLetter, undeliveredLetters } from "../notifications.letters.ts";

type Lettered = DocumentService & {
	listening?: Listening;
	notifications: Collection<NotificationDocument>;
	deliveries: ReadonlyMap<string, Delivery>;
};

const contract = storeContract("notifications");
const inboxOf = ({ documents }: Lettered): FactInbox => documents.inbox;

export const letterActions = {
	listLetters: answer(contract.listLetters, async function (this: Lettered, ctx) {
		const lists = await Promise.all([inboxOf(this).letters(ctx.params), undeliveredLetters(this.notifications, ctx.params)]);
		return newestOf(lists.flat(), ctx.params.limit).map(letter => shownLetter(this.name, letter));
	}),

	getLetter: answer(contract.getLetter, async function (this: Lettered, ctx) {
		const { id } = ctx.params;
		const letter = (await inboxOf(this).letter(id)) ?? (await undeliveredLetter(this.notifications, id));
		if (!letter) throw notFound();
		return shownLetter(this.name, letter);
	}),

	redriveLetter: answer(contract.redriveLetter, async function (this: Lettered, ctx) {
		const { id } = ctx.params;
		if (await inboxOf(this).redrive(id)) {
			this.listening?.wake();
			return { done: true };
		}
		const done = await redrive(this.notifications, id, this.runtime.clock.now());
		for (const delivery of this.deliveries.values()) delivery.wake();
		return { done };
	}),

	dropLetter: answer(contract.dropLetter, async function (this: Lettered, ctx) {
		const { id } = ctx.params;
		if (await inboxOf(this).drop(id)) {
			this.listening?.wake();
			return { done: true };
		}
		return { done: await drop(this.notifications, id) };
	}),
};
