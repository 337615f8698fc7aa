import type { ChannelName } from "../notifications.contract.ts";

/** What a channel carries. */
export interface Message {
	/** The notification's id, the same at every try: receivers can recognise a repeat by it. */
	id: string;
	userId: string | null;
	orderId: string;
	title: string;
	body: string;
}

/** One way to reach a person. */
export interface Channel {
	readonly name: ChannelName;
	/** How a notification of this channel begins; anything but `queued` is where it is to be and needs no delivery. */
	readonly begins: "queued" | "sent" | "kept";
	/**
	 * Carries a message once. Throws {@link Undeliverable} when no further try can help; after any other error it may or may not have
	 * arrived. Gives up when `signal` aborts.
	 */
	deliver(message: Message, signal: AbortSignal): Promise<"sent" | "kept">;
	close(): void;
}

/** The receiver does not exist, or will never take this message. `reason` holds no address. */
export class Undeliverable extends Error {
	override name = "Undeliverable";
	readonly reason: string;

	constructor(reason: string) {
		super(reason);
		this.reason = reason;
	}
}
