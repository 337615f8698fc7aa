import type { Channel } from "./channel.ts";

/** The notification itself is what the person reads. */
export const inApp: Channel = {
	name: "inApp",
	begins: "sent",
	deliver: async () => "sent",
	close: () => undefined,
};
