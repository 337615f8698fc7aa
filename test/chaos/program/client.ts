// The buyers' way into the shop: at a bounded rate, through all gateways in turn. Whoever is cut off by a gateway that dies repeats once on another.
import { setTimeout as sleep } from "node:timers/promises";
import { type Allowed, type Judged, judge, type Seen } from "./judgement.ts";
import { answeredWithinMs, type Ending, type Tally, type Weather } from "./tally.ts";

export interface Ask<Body = never> {
	method: "GET" | "POST" | "PATCH";
	path: string;
	body?: unknown;
	token?: string | undefined;
	cartToken?: string | undefined;
	/** Idempotency-Key. */
	key?: string | undefined;
	headers?: Readonly<Record<string, string>>;
	allowed: readonly Allowed[];
	/** What a repeat may be answered with beside these, when nobody knows whether the first request arrived. */
	allowedAgain?: readonly Allowed[];
	/** A bank that is away is no fault of the shop: its 503 is not counted as a failure. */
	mayFail?: boolean;
	/** Why an answer of 2xx with a body does not answer this request, or undefined. */
	check?(body: Body): string | undefined;
}

export interface Answered<Body> {
	ending: Ending;
	/** Undefined when it was lost. */
	seen: Seen | undefined;
	/** Only of an answer that was right. */
	body: Body | undefined;
	/** An earlier attempt of this very request may have arrived without an answer. */
	doubtful: boolean;
}

/** What the faults know of a time that has passed. */
export interface Sky {
	/** Times of `performance.now()`. */
	weather(from: number, to: number): Weather;
	/** Whether this gateway was itself broken meanwhile: then it need not answer. */
	isBroken(gateway: string, from: number, to: number): boolean;
}

const slowMs = 1500;
const rateMin = 10;

type Attempt = { seen: Seen; judged: Judged; ms: number } | { cut: string; ms: number };

export class Client {
	readonly #gateways: readonly string[];
	readonly #rate: number;
	readonly #tally: Tally;
	readonly #sky: Sky;
	/** The rate of this moment. */
	#now: number;
	#turn = 0;
	#nextAt = 0;

	constructor(gateways: readonly string[], given: { rate: number; tally: Tally; sky: Sky }) {
		this.#gateways = gateways;
		this.#rate = given.rate;
		this.#now = given.rate;
		this.#tally = given.tally;
		this.#sky = given.sky;
	}

	async ask<Body>(ask: Ask<Body>): Promise<Answered<Body>> {
		await this.#turnComes();
		const began = performance.now();
		const first = this.#turn++ % this.#gateways.length;
		let attempt = await this.#attempt(this.#gateways[first]!, ask, ask.allowed);
		let slowest = attempt.ms;
		const cutOff = "cut" in attempt;
		if (cutOff) {
			const other = this.#gateways[(first + 1) % this.#gateways.length]!;
			attempt = await this.#attempt(other, ask, [...ask.allowed, ...(ask.allowedAgain ?? [])]);
			slowest = Math.max(slowest, attempt.ms);
		}
		const judged: Judged | undefined = "seen" in attempt ? attempt.judged : undefined;
		const ending: Ending = judged?.is ?? "lost";
		const why =
			judged?.is === "wrong" ? judged.why : "cut" in attempt ? attempt.cut : `${attempt.seen.status} ${attempt.seen.text}`.slice(0, 200);
		const weather = this.#sky.weather(began, performance.now());
		this.#pace(weather, slowest);
		this.#tally.count(weather, {
			what: `${ask.method} ${ask.path}`,
			isRead: ask.method === "GET",
			ending: ask.mayFail && ending === "later" ? "right" : ending,
			cutOff,
			ms: slowest,
			why,
		});
		const seen = "seen" in attempt ? attempt.seen : undefined;
		const body = ending === "right" && seen?.text ? (JSON.parse(seen.text) as Body) : undefined;
		return { ending, seen, body, doubtful: cutOff || ending === "later" };
	}

	/** Buyers do not queue before a shop that is slow though nothing is broken: a small machine is not to be mistaken for a fault. */
	#pace(weather: Weather, ms: number): void {
		if (weather !== "calm") return;
		const next = ms > slowMs ? this.#now * 0.9 : this.#now * 1.03;
		this.#now = Math.min(this.#rate, Math.max(next, Math.min(this.#rate, rateMin)));
	}

	/** Requests are spread evenly; who comes too late because the shop stood still does not come all at once afterwards. */
	async #turnComes(): Promise<void> {
		const now = performance.now();
		this.#nextAt = Math.max(this.#nextAt + 1000 / this.#now, now - 1000);
		if (this.#nextAt > now) await sleep(this.#nextAt - now);
	}

	async #attempt<Body>(gateway: string, ask: Ask<Body>, allowed: readonly Allowed[]): Promise<Attempt> {
		const began = performance.now();
		const took = () => performance.now() - began;
		try {
			const signal = AbortSignal.timeout(answeredWithinMs);
			const answer = await fetch(`${gateway}${ask.path}`, { method: ask.method, headers: headersOf(ask), body: bodyOf(ask), signal });
			const seen = { status: answer.status, headers: answer.headers, text: await answer.text() };
			return { seen, judged: checked(ask, seen, judge(seen, allowed)), ms: took() };
		} catch (error) {
			const ms = took();
			const cause = (error as { cause?: unknown }).cause ?? error;
			const cut = `no answer from ${gateway} after ${Math.round(ms)} ms: ${(cause as Error).message || (cause as { code?: string }).code}`;
			// Nobody is cut off by a gateway that is well.
			if (this.#sky.isBroken(gateway, began, performance.now())) return { cut, ms };
			const seen = { status: 0, headers: new Headers(), text: "" };
			return { seen, judged: { is: "wrong", why: cut }, ms };
		}
	}
}

function checked<Body>({ check }: Ask<Body>, { status, text }: Seen, judged: Judged): Judged {
	if (!check || judged.is !== "right" || status >= 300) return judged;
	const why = check(JSON.parse(text) as Body);
	return why === undefined ? judged : { is: "wrong", why };
}

function headersOf({ body, token, cartToken, key, headers }: Ask): Record<string, string> {
	const sent: Record<string, string> = { ...headers };
	if (body !== undefined) sent["Content-Type"] = "application/json";
	if (token !== undefined) sent.Authorization = `Bearer ${token}`;
	if (cartToken !== undefined) sent["Cart-Token"] = cartToken;
	if (key !== undefined) sent["Idempotency-Key"] = key;
	return sent;
}

const bodyOf = ({ body }: Ask) => (body === undefined ? undefined : JSON.stringify(body));
