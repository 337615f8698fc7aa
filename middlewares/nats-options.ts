// How this node connects to NATS, for calls and for facts alike.
import type { ConnectionOptions } from "nats";
import type { NatsSettings } from "../lib/config.ts";

/** Reconnects for ever and notices a silent server within seconds: a node must never be left over that says it is connected. */
export function natsOptions({ servers, user, password, caFile }: NatsSettings, name: string): ConnectionOptions {
	return {
		servers,
		name,
		...(user ? { user, pass: password } : {}),
		...(caFile ? { tls: { caFile } } : {}),
		maxReconnectAttempts: -1,
		reconnectTimeWait: 250,
		waitOnFirstConnect: true,
		pingInterval: 2000,
		maxPingOut: 2,
	};
}
