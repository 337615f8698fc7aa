// Email through a real server when there is one.
import { isIP } from "node:net";
import { createTransport } from "nodemailer";
import { kindOf } from "../../../../lib/failure.ts";
import { type Channel, keptChannel, type Message, NotBegun, Undeliverable } from "./channel.ts";
import { htmlOf } from "./html.ts";

/** Answers undefined when the person has no address any more. */
export type AddressOf = (message: Message) => Promise<string | undefined>;

/** `?from=` of the URL; else an address of the server's own that takes no answers. */
function senderOf(smtpUrl: string): string {
	const url = new URL(smtpUrl);
	const host = url.hostname.replace(/^\[|\]$/g, "");
	return url.searchParams.get("from") ?? `no-reply@${isIP(host) ? "localhost" : host}`;
}

interface SmtpError extends Error {
	code?: string;
	responseCode?: number;
}

/** The server took our greeting but not this receiver or this message, for good. A refused password is our fault and can be mended. */
const isFinal = ({ code, responseCode = 0 }: SmtpError) => (code === "EENVELOPE" || code === "EMESSAGE") && responseCode >= 500;

export function emailChannel(smtpUrl: string | undefined, addressOf: AddressOf): Channel {
	if (!smtpUrl) return keptChannel("email");
	const transport = createTransport({
		url: smtpUrl,
		pool: true,
		maxConnections: 5,
		connectionTimeout: 10_000,
		greetingTimeout: 10_000,
		// A server may look at a message for ten minutes before it says that it took it (RFC 5321, 4.5.3.2.6). Who asks sooner sends it twice.
		socketTimeout: 600_000,
	});
	const from = { name: "Stoa", address: senderOf(smtpUrl) };
	return {
		name: "email",
		begins: "queued",
		async deliver(message, signal) {
			const to = await addressOf(message).catch(error => {
				throw kindOf(error) === "unavailable" ? new NotBegun() : error;
			});
			if (!to) throw new Undeliverable("no address", false);
			try {
				await transport.sendMail({
					from,
					to: { name: "", address: to },
					subject: message.title,
					text: message.body,
					html: htmlOf(message),
					messageId: `<${message.id}@stoa>`,
					// Nobody's holiday reply should come back to us.
					headers: { "Auto-Submitted": "auto-generated" },
					signal,
				});
				return "sent";
			} catch (error) {
				throw isFinal(error as SmtpError) ? new Undeliverable(`refused with ${(error as SmtpError).responseCode}`) : error;
			}
		},
		close: () => transport.close(),
	};
}
