// Windows that all gateways share, and what becomes of a limit while Redis is away.
//
// Every gateway keeps beside Redis what it last saw of each window, and what it had to count alone. So an outage does not open the door: a gateway goes on
// from the count it saw, not from nothing; only one that had never seen the client begins a window of its own. A client thus gets no more out of an
// outage than one fresh window per gateway, once. When Redis is back the lone counts are added there, and a Redis that came back empty is told how far
// the window had come. A count whose answer did not come in time may be counted twice, here and by Redis after all: that errs to the stricter side.
import { type RedisLink, script } from "../../../lib/redis.ts";
import { OpenWindows, type Spending, type Window, type WindowStore } from "./rate-limit.ts";

interface Kept {
	/** The count as Redis said it last, with what was handed over to it since. */
	seen: number;
	/** Counted here alone, and not handed over yet. */
	alone: number;
	/** By this gateway's clock. */
	endsAt: number;
	/** What Redis calls the window: its end by the clock of the gateway that opened it. */
	name: number;
}

/**
 * KEYS: the windows. ARGV: now, then for each window its max, its length, and what the caller knows of it: seen, alone, name.
 * Answers count, milliseconds that are left, and name of each, up to the first that is above its max.
 *
 * Windows are begun and ended by the clock of whoever asks, as in one process. Clocks that differ a little end a window a little early, once: the next
 * one then ends by the faster clock for everybody. One that is hours slow cannot keep a window open: the key goes when its length is over by Redis' own.
 */
const countAll = script(`
local now, answer = tonumber(ARGV[1]), {}
for at, key in ipairs(KEYS) do
	local first = 2 + (at - 1) * 5
	local max, length = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
	local seen, alone, known = tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
	local held = redis.call("HMGET", key, "count", "endsAt")
	local count, endsAt, left = tonumber(held[1]), tonumber(held[2]), redis.call("PTTL", key)
	local isNew = not count or endsAt <= now or left <= 0
	if isNew then
		count, endsAt, left = 0, now + length, length
		-- Redis forgot a window that is not over: it goes on where the caller saw it.
		if seen + alone > 0 and known > now and known < endsAt then endsAt, left = known, known - now end
	end
	if endsAt == known then count = math.max(count, seen) end
	count = count + alone + 1
	redis.call("HSET", key, "count", count, "endsAt", endsAt)
	if isNew then redis.call("PEXPIRE", key, left) end
	answer[#answer + 1] = count
	answer[#answer + 1] = math.min(left, endsAt - now)
	answer[#answer + 1] = endsAt
	if count > max then break end
end
return answer`);

export function windowsInRedis(redis: RedisLink): WindowStore {
	const windows = new OpenWindows<Kept>(endsAt => ({ seen: 0, alone: 0, endsAt, name: endsAt }));

	function countAlone(spendings: readonly Spending[], now: number): Window[] {
		const counted: Window[] = [];
		for (const spending of spendings) {
			const kept = windows.of(spending, now);
			kept.alone++;
			counted.push({ count: kept.seen + kept.alone, endsAt: kept.endsAt });
			if (kept.seen + kept.alone > spending.limit.max) break;
		}
		return counted;
	}

	async function countTogether(spendings: readonly Spending[], now: number): Promise<Window[]> {
		const handedOver = spendings.map(spending => {
			const kept = windows.of(spending, now);
			const { seen, alone, name } = kept;
			// Requests that follow before the answer must not hand it over again.
			kept.seen += alone;
			kept.alone = 0;
			return { kept, alone, args: [spending.limit.max, spending.limit.windowMs, seen, alone, name] };
		});
		const keys = spendings.map(({ limit, key }) => redis.key("limits", limit.name, key));
		const answer = await redis.run<number[]>(countAll, keys, [now, ...handedOver.flatMap(({ args }) => args)]);
		const counted: Window[] = [];
		for (const [at, { kept, alone }] of handedOver.entries()) {
			const [count, left, name] = (answer ?? []).slice(3 * at);
			if (count === undefined) {
				kept.seen -= alone;
				kept.alone += alone;
				continue;
			}
			// Answers come in the order of the questions, so within a window the last one is the highest.
			Object.assign(kept, { seen: count, endsAt: now + left!, name });
			counted.push({ count, endsAt: kept.endsAt });
		}
		return answer ? counted : countAlone(spendings, now);
	}

	return { count: (spendings, now) => (redis.answers ? countTogether(spendings, now) : countAlone(spendings, now)) };
}
