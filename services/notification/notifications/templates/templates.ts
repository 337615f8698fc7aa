import type { Money } from "../../../../lib/vocabulary.ts";
import type { NotificationType } from "../notifications.contract.ts";

interface OrderAbout {
	orderNumber: string;
	amount: Money;
}
interface Moment {
	/** RFC 3339. */
	at: string;
}

/** What a message of each type speaks of. */
export interface Abouts {
	"order.confirmed": OrderAbout;
	"order.onHold": OrderAbout;
	"order.cancelled": OrderAbout;
	"payment.refunded": OrderAbout;
	"account.newLogin": Moment;
	"account.passwordChanged": Moment;
	"account.flagged": object;
	"cart.abandoned": object;
	"operator.userFlagged": { userId: string };
	/** `what` the `group` could not do. */
	"operator.deadLetter": { letterId: string; group: string; what: string };
}

export interface Wording {
	title: string;
	body: string;
}

/** How a language writes what is more than a word. */
export interface Say {
	money(money: Money): string;
	/** A moment in UTC: nobody told us where the reader is. */
	time(at: string): string;
}

/** How each type of notification reads, in one language. */
export type Templates = { readonly [Type in NotificationType]: (about: Abouts[Type]) => Wording };
export type Language = (say: Say) => Templates;
