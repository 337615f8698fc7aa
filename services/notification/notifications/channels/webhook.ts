// SMS and push through whatever the shop uses: a signed POST to its address. Stoa keeps no telephone number and no device's token;
// the receiver knows them by the user's id, and a repeat by the Idempotency-Key, which is the same at every try.
import type { Clock } from "../../../../lib/clock.ts";
import { sign } from "../../../../lib/signature.ts";
import type { ChannelName } from "../notifications.contract.ts";
import { type Channel, keptChannel, Undeliverable } from "./channel.ts";

// A gateway of messages takes well under a second.
const tryMs = 10_000;

/** The receiver read this very message and will never take it. Any other refusal (a wrong secret, a wrong path) is somebody's to mend. */
const final = new Set([400, 410, 413, 422]);

/** What kept an answer from coming, as a code: sentences may repeat the address. */
function reasonOf(error: unknown): Error {
	const { cause, name } = error as Error & { cause?: { code?: unknown } };
	return Object.assign(new Error("no answer"), { code: typeof cause?.code === "string" ? cause.code : name });
}

export function webhookChannel(name: ChannelName, hook: { url: string; secret: string } | undefined, clock: Clock): Channel {
	if (!hook) return keptChannel(name);
	const post = (body: string, id: string, signal: AbortSignal) =>
		fetch(hook.url, {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				"Idempotency-Key": id,
				"Stoa-Signature": sign(hook.secret, body, clock.now()),
			},
			body,
			// Somewhere else is not where the shop's owner said.
			redirect: "manual",
			signal: AbortSignal.any([signal, AbortSignal.timeout(tryMs)]),
		});
	return {
		name,
		begins: "queued",
		async deliver(message, signal) {
			const body = JSON.stringify({ channel: name, ...message });
			const answer = await post(body, message.id, signal).catch(error => Promise.reject(reasonOf(error)));
			await answer.body?.cancel().catch(() => undefined);
			if (answer.ok) return "sent";
			if (final.has(answer.status)) throw new Undeliverable(`refused with ${answer.status}`);
			throw Object.assign(new Error("refused for now"), { code: "refused", responseCode: answer.status });
		},
		close: () => undefined,
	};
}
