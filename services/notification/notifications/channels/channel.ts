import type { ChannelName, NotificationType } from "../notifications.contract.ts";

/** What a channel carries. */
export interface Message {
	/** The notification's id, the same at every try: receivers can recognise a repeat by it. */
	id: string;
	type: NotificationType;
	/** Null: a guest, who is reached through the order alone. */
	userId: string | null;
	orderId: string | null;
	/** Of the words. */
	locale: string;
	title: string;
	body: string;
	createdAt: string;
}

/** One way to reach a person. */
export interface Channel {
	readonly name: ChannelName;
	/** How a notification of this channel begins; anything but `queued` is where it is to be and needs no delivery. */
	readonly begins: "queued" | "sent" | "kept";
	/**
	 * Carries a message once. Throws {@link Undeliverable} when no further try can help, {@link NotBegun} when nothing was sent yet; after any other
	 * error it may or may not have arrived. Gives up when `signal` aborts.
	 */
	deliver(message: Message, signal: AbortSignal): Promise<"sent" | "kept">;
	close(): void;
}

/** The receiver will never take this message. `reason` holds no address. */
export class Undeliverable extends Error {
	override name = "Undeliverable";
	readonly reason: string;
	/** False: there is no receiver at all. */
	readonly hasReceiver: boolean;

	constructor(reason: string, hasReceiver = true) {
		super(reason);
		this.reason = reason;
		this.hasReceiver = hasReceiver;
	}
}

/** Nobody could say where the receiver is to be reached: no fault of the message's, and no try of it. */
export class NotBegun extends Error {
	override name = "NotBegun";
}

/** A channel that nothing carries here: the message is kept and can be read where notifications are. */
export const keptChannel = (name: ChannelName): Channel => ({
	name,
	begins: "kept",
	deliver: async () => "kept",
	close: () => undefined,
});
