// Stripe as far as a test needs it: localstripe plays the life of a payment, and this forwarder before it keeps what localstripe does not
// (idempotency keys, the limit of refunds, a second reason to decline, 3-D Secure on demand) and breaks what a network breaks.
import http from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { startServer } from "./engines/engines.ts";

export const stripeKey = "sk_test_stoa";
export const stripeWebhookSecret = "whsec_stoa";

export interface SentRequest {
	method: string;
	path: string;
	key: string | undefined;
	body: URLSearchParams;
	/** True when the answer was one kept under the key. */
	replayed: boolean;
}
interface Answer {
	status: number;
	body: string;
}
type Fault = { what: RegExp; left: number } & (
	| { kind: "cutAfter" | "cutBefore" }
	| { kind: "answer"; answer: Answer }
	| { kind: "hold"; heard: () => void; gate: Promise<void> }
);

export interface StripeStandIn {
	url: string;
	/** Every request that came in, in order, since `forget`. */
	requests: readonly SentRequest[];
	/** Forgets the requests that came in, and the faults that were asked for. */
	forget(): void;
	/** Stripe acts, and its answer never arrives: for the next requests whose "METHOD path" fits. */
	cutAnswers(what: RegExp, times?: number): void;
	/** The connection breaks before Stripe has heard the request. */
	cutRequests(what: RegExp, times?: number): void;
	/** Answers so instead of acting; a fault (5xx) for as long as the key is known. */
	answerWith(what: RegExp, status: number, error: object, times?: number): void;
	/** Stripe has acted when `heard` resolves, and answers when it is let. */
	holdAnswer(what: RegExp): { heard: Promise<void>; release: () => void };
	/** Nobody listens: connections are refused. */
	away(): Promise<void>;
	back(): Promise<void>;
	/** What a browser with Stripe.js would get for a card. */
	method(number: string): Promise<string>;
	/** A card that is declined because nothing is on it. */
	emptyMethod(): Promise<string>;
	authenticate(paymentId: string, outcome: "succeed" | "fail"): Promise<void>;
	intentsOf(paymentId: string): Promise<Stripe.PaymentIntent[]>;
	refundsOf(paymentId: string): Promise<Stripe.Refund[]>;
	/** Requests that were carried out, not replays. */
	acted(what: RegExp): SentRequest[];
	stop(): Promise<void>;
}

const problem = (status: number, error: object): Answer => ({
	status,
	body: JSON.stringify({ error: { type: "invalid_request_error", ...error } }),
});

async function bodyOf(req: http.IncomingMessage): Promise<string> {
	const parts: Buffer[] = [];
	for await (const part of req) parts.push(part as Buffer);
	return Buffer.concat(parts).toString("utf8");
}

export async function startStripe(): Promise<StripeStandIn> {
	const server = await startServer("localstripe");
	const requests: SentRequest[] = [];
	const kept = new Map<string, { request: string; answer: Answer | undefined }>();
	const faults: Fault[] = [];
	const empty = new Set<string>();
	/** Methods whose bank wants its buyer when 3-D Secure is asked for; the others' are content without. */
	const careful = new Set<string>();
	/** The method that stands in for one of those, and which one it is. */
	const lent = new Map<string, string>();

	async function asked(method: string, path: string, body?: string): Promise<Answer> {
		const headers = { authorization: `Bearer ${stripeKey}`, "content-type": "application/x-www-form-urlencoded" };
		const answer = await fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
		return { status: answer.status, body: await answer.text() };
	}
	async function read<T>(path: string, method = "GET", body?: string): Promise<T> {
		const answer = await asked(method, path, body);
		if (answer.status !== 200) throw new Error(`localstripe: ${path}: ${answer.status} ${answer.body}`);
		return JSON.parse(answer.body) as T;
	}
	const listed = async <T>(path: string) => (await read<{ data: T[] }>(`${path}${path.includes("?") ? "&" : "?"}limit=1000`)).data;

	/** localstripe refunds whatever it is asked for. */
	async function refusedRefund(body: URLSearchParams): Promise<Answer | undefined> {
		const id = body.get("payment_intent")!;
		const intent = await read<Stripe.PaymentIntent>(`/v1/payment_intents/${id}`);
		if (intent.status !== "succeeded") return problem(400, { code: "payment_intent_unexpected_state", message: `it is ${intent.status}` });
		const refunded = (await listed<Stripe.Refund>(`/v1/refunds?payment_intent=${id}`)).reduce((sum, refund) => sum + refund.amount, 0);
		return refunded + Number(body.get("amount")) > intent.amount ? problem(400, { code: "charge_already_refunded" }) : undefined;
	}

	const method = async (number: string) => {
		const card = { type: "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123" };
		const { id } = await read<{ id: string }>("/v1/payment_methods", "POST", String(new URLSearchParams(card)));
		if (number === "4242424242424242") careful.add(id);
		return id;
	};

	/** localstripe asks the bank of some cards and of no other. So a careful one pays with one of those, and is named in every answer. */
	async function withBuyersBank(body: string): Promise<string> {
		const wished = new URLSearchParams(body);
		const card = wished.get("payment_method") ?? "";
		if (wished.get("payment_method_options[card][request_three_d_secure]") !== "any" || !careful.has(card)) return body;
		const stand = await method("4000002500003155");
		lent.set(stand, card);
		wished.set("payment_method", stand);
		return String(wished);
	}

	async function withOwnCard(answer: Answer): Promise<Answer> {
		const intent = JSON.parse(answer.body) as Stripe.PaymentIntent;
		const { payment_method: named } = intent;
		const card = lent.get((typeof named === "string" ? named : named?.id) ?? "");
		if (!card) return answer;
		const own = typeof named === "string" ? card : await read<Stripe.PaymentMethod>(`/v1/payment_methods/${card}`);
		return { ...answer, body: JSON.stringify({ ...intent, payment_method: own }) };
	}

	async function act(method: string, path: string, body: string): Promise<Answer> {
		const refusal = method === "POST" && path === "/v1/refunds" ? await refusedRefund(new URLSearchParams(body)) : undefined;
		if (refusal) return refusal;
		const sent = path === "/v1/payment_intents" ? await withBuyersBank(body) : body;
		const answer = await withOwnCard(await asked(method, path, method === "POST" ? sent : undefined));
		const seen = answer.status === 200 ? (JSON.parse(answer.body) as Stripe.PaymentIntent) : undefined;
		const cardId = typeof seen?.payment_method === "string" ? seen.payment_method : seen?.payment_method?.id;
		if (!seen?.last_payment_error || !empty.has(cardId ?? "")) return answer;
		return {
			...answer,
			body: JSON.stringify({ ...seen, last_payment_error: { ...seen.last_payment_error, decline_code: "insufficient_funds" } }),
		};
	}

	/** As Stripe does it: one answer per key, 409 while it is made, refused for other parameters. */
	async function actOnce(request: SentRequest, path: string, body: string, instead: Answer | undefined): Promise<Answer> {
		const { key, method } = request;
		if (method === "GET") return act(method, path, body);
		if (!key) return problem(400, { message: "no Idempotency-Key" });
		const known = kept.get(key);
		if (known && known.request !== `${path} ${body}`) return problem(400, { type: "idempotency_error" });
		if (known && !known.answer) return problem(409, { code: "idempotency_key_in_use" });
		request.replayed = known !== undefined;
		if (known?.answer) return known.answer;
		const entry: { request: string; answer: Answer | undefined } = { request: `${path} ${body}`, answer: undefined };
		kept.set(key, entry);
		entry.answer = instead ?? (await act(method, path, body));
		return entry.answer;
	}

	function faultOf(what: string): Fault | undefined {
		const fault = faults.find(one => one.left > 0 && one.what.test(what));
		if (fault) fault.left--;
		return fault;
	}

	async function serve(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
		const body = await bodyOf(req);
		const path = req.url ?? "/";
		const key = req.headers["idempotency-key"];
		const request: SentRequest = {
			method: req.method ?? "",
			path: path.split("?")[0]!,
			key: typeof key === "string" ? key : undefined,
			body: new URLSearchParams(body),
			replayed: false,
		};
		requests.push(request);
		const fault = faultOf(`${request.method} ${request.path}`);
		if (fault?.kind === "cutBefore") {
			req.socket.destroy();
			return;
		}
		const given = fault?.kind === "answer" ? fault.answer : undefined;
		// Who is turned away at the door may come again; a fault inside is kept as the answer of its key.
		const answer = given && given.status < 500 ? given : await actOnce(request, path, body, given);
		if (fault?.kind === "cutAfter") {
			req.socket.destroy();
			return;
		}
		if (fault?.kind === "hold") {
			fault.heard();
			await fault.gate;
		}
		res.writeHead(answer.status, { "content-type": "application/json", ...(request.replayed ? { "idempotent-replayed": "true" } : {}) });
		res.end(answer.body);
	}

	const door = http.createServer((req, res) => void serve(req, res).catch(error => res.destroy(error)));
	const listen = (port: number) => new Promise<void>(resolve => door.listen(port, "127.0.0.1", resolve));
	await listen(0);
	const { port } = door.address() as AddressInfo;
	const close = () =>
		new Promise<void>(resolve => {
			door.close(() => resolve());
			door.closeAllConnections();
		});
	const intentsOf = async (paymentId: string) =>
		(await listed<Stripe.PaymentIntent>("/v1/payment_intents")).filter(({ metadata }) => metadata.paymentId === paymentId);

	return {
		url: `http://127.0.0.1:${port}`,
		requests,
		forget() {
			requests.length = 0;
			faults.length = 0;
		},
		cutAnswers: (what, times = 1) => void faults.push({ what, left: times, kind: "cutAfter" }),
		cutRequests: (what, times = 1) => void faults.push({ what, left: times, kind: "cutBefore" }),
		answerWith: (what, status, error, times = 1) => void faults.push({ what, left: times, kind: "answer", answer: problem(status, error) }),
		holdAnswer(what) {
			const heard = Promise.withResolvers<void>();
			const gate = Promise.withResolvers<void>();
			faults.push({ what, left: 1, kind: "hold", heard: heard.resolve, gate: gate.promise });
			return { heard: heard.promise, release: gate.resolve };
		},
		away: close,
		back: () => listen(port),
		method,
		async emptyMethod() {
			const id = await method("4000000000000341");
			empty.add(id);
			return id;
		},
		async authenticate(paymentId, outcome) {
			const waiting = (await intentsOf(paymentId)).find(({ status }) => status === "requires_action")!;
			const said = new URLSearchParams({ client_secret: waiting.client_secret!, success: String(outcome === "succeed") });
			await read(`/v1/payment_intents/${waiting.id}/_authenticate`, "POST", String(said));
		},
		intentsOf,
		refundsOf: async paymentId => (await listed<Stripe.Refund>("/v1/refunds")).filter(({ metadata }) => metadata?.paymentId === paymentId),
		acted: what => requests.filter(request => !request.replayed && what.test(`${request.method} ${request.path}`)),
		async stop() {
			await close();
			await server.remove();
		},
	};
}

/** What Stripe would post to us about something of a payment, and the header it would send along. */
export function stripeMessage(
	{ id, type, paymentId }: { id: string; type: string; paymentId: string | null },
	now: number,
	secret = stripeWebhookSecret,
): { rawBody: string; signature: string } {
	const rawBody = JSON.stringify({
		id,
		object: "event",
		type,
		data: { object: { id: "pi_1", metadata: paymentId === null ? {} : { paymentId } } },
	});
	const signature = Stripe.webhooks.generateTestHeaderString({ payload: rawBody, secret, timestamp: Math.floor(now / 1000) });
	return { rawBody, signature };
}

export const stripeEnv = ({ url }: { url: string }) => ({
	STOA_PAYMENTS: "stripe",
	STOA_STRIPE_KEY: stripeKey,
	STOA_STRIPE_URL: url,
	STOA_STRIPE_WEBHOOK_SECRET: stripeWebhookSecret,
});
