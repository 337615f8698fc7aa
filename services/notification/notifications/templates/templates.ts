import type { Money } from "../../../../lib/vocabulary.ts";
import type { NotificationType } from "../notifications.contract.ts";

/** What a message speaks of. */
export interface About {
	orderNumber: string;
	amount: Money;
}

export interface Wording {
	title: string;
	body: string;
}

/** How each type of notification reads, in one language. */
export type Templates = Readonly<Record<NotificationType, (about: About) => Wording>>;
