/**
 * Finds card numbers where none may be: in request bodies, queries and logs. It guards against accidents, such as a number typed into
 * the wrong field; who wants to hide one will. A Luhn check alone is not enough, one in ten timestamps and barcodes passes it, so a scheme's
 * prefix and length are asked for too. It runs on every request, so text without long runs of digits must cost next to nothing.
 */

const digitsMin = 14;
const digitsMax = 19;
const zeroCode = 48;

const sixteen = [16];
const sixteenUp = [16, 17, 18, 19];

/**
 * First six digits from and to, and the lengths now issued. Order matters where ranges overlap. Visa's thirteen digits are out of use,
 * and UATP (a 1 and fifteen digits) is left out on purpose: counted times begin with 1.
 */
const ranges = [
	["visa", 400000, 499999, [16, 19]],
	["mastercard", 510000, 559999, sixteen],
	["mastercard", 222100, 272099, sixteen],
	["amex", 340000, 349999, [15]],
	["amex", 370000, 379999, [15]],
	["discover", 601100, 601199, sixteenUp],
	["discover", 644000, 659999, sixteenUp],
	["diners", 300000, 305999, [14, ...sixteenUp]],
	["diners", 309500, 309599, [14, ...sixteenUp]],
	["diners", 360000, 369999, [14, ...sixteenUp]],
	["diners", 380000, 399999, [14, ...sixteenUp]],
	["jcb", 352800, 358999, sixteenUp],
	["unionpay", 620000, 629999, sixteenUp],
	["unionpay", 810000, 817199, sixteenUp],
	["maestro", 501800, 501899, [14, 15, ...sixteenUp]],
	["maestro", 502000, 502099, [14, 15, ...sixteenUp]],
	["maestro", 503800, 503899, [14, 15, ...sixteenUp]],
	["maestro", 589300, 589399, [14, 15, ...sixteenUp]],
	["maestro", 630400, 630499, [14, 15, ...sixteenUp]],
	["maestro", 675900, 675999, [14, 15, ...sixteenUp]],
	["maestro", 676100, 676399, [14, 15, ...sixteenUp]],
	["maestro", 676770, 676774, [14, 15, ...sixteenUp]],
	["mir", 220000, 220499, sixteenUp],
	["rupay", 508500, 508999, sixteen],
	["rupay", 606985, 608500, sixteen],
	["rupay", 817200, 829999, sixteen],
	["verve", 506099, 506198, [16, 18, 19]],
	["verve", 507865, 507964, [16, 18, 19]],
	["elo", 506699, 506778, sixteen],
	["elo", 509000, 509999, sixteen],
	["elo", 636297, 636368, sixteen],
	["dankort", 501900, 501999, sixteen],
	["troy", 979200, 979299, sixteen],
] as const satisfies readonly (readonly [string, number, number, readonly number[]])[];

export type CardScheme = (typeof ranges)[number][0];

/** By the first two digits, because every window of digits in every request is looked up here. */
const rangesByStart = Array.from({ length: 100 }, (_, start) =>
	ranges.filter(([, from, to]) => Math.trunc(from / 10_000) <= start && start <= Math.trunc(to / 10_000)),
);

/** The scheme that issues numbers of this prefix and length today. */
export function schemeOf(digits: string): CardScheme | undefined {
	return schemeFor(Number(digits.slice(0, 6)), digits.length);
}

function schemeFor(prefix: number, length: number): CardScheme | undefined {
	for (const [scheme, from, to, issued] of rangesByStart[Math.trunc(prefix / 10_000)] ?? []) {
		const lengths: readonly number[] = issued;
		if (from <= prefix && prefix <= to && lengths.includes(length)) return scheme;
	}
	return undefined;
}

export function luhn(digits: string): boolean {
	let sum = 0;
	for (let at = 0; at < digits.length; at++) {
		const digit = digits.charCodeAt(digits.length - 1 - at) - zeroCode;
		if (digit < 0 || digit > 9) return false;
		sum += at % 2 === 0 ? digit : doubled(digit);
	}
	return digits.length > 0 && sum % 10 === 0;
}

/** Whether a card number stands between non-alphanumerics, spaces and dashes within it ignored. */
export function holdsCardNumber(text: string): boolean {
	return nextCardNumber(text, 0) !== undefined;
}

/** For logs: what `holdsCardNumber` finds is replaced, everything else stays. */
export function redactCardNumbers(text: string): string {
	let found = nextCardNumber(text, 0);
	if (!found) return text;
	let redacted = "";
	let kept = 0;
	while (found) {
		// A number may begin inside another ("36 4111 1111 1111 1111"): both go, or the tail of the second would stay readable.
		let { end } = found;
		let next = nextCardNumber(text, found.start + 1);
		while (next && next.start < end) {
			end = Math.max(end, next.end);
			next = nextCardNumber(text, next.start + 1);
		}
		redacted += `${text.slice(kept, found.start)}[card number]`;
		kept = end;
		found = next;
	}
	return redacted + text.slice(kept);
}

interface Container {
	value: object;
	key: string;
	inside: Container | undefined;
}

/**
 * Whether any string, number or key of a JSON value holds a card number. `isExempt` is asked with the path of a finding, and only then,
 * so a request without findings pays nothing for it. Keys are never exempt. Walks without recursion: no depth can overflow it.
 */
export function holdsCardNumberAnywhere(value: unknown, isExempt: (path: string[]) => boolean = () => false): boolean {
	const waiting: Container[] = [];
	const isFound = (leaf: unknown, key: string, inside: Container | undefined) => {
		if (typeof leaf === "object" && leaf !== null) waiting.push({ value: leaf, key, inside });
		const found = typeof leaf === "string" ? holdsCardNumber(leaf) : typeof leaf === "number" && mayBeCardNumber(leaf);
		return found && !isExempt(pathOf(key, inside));
	};
	if (isFound(value, "", undefined)) return true;
	for (let container = waiting.pop(); container; container = waiting.pop()) {
		const isList = Array.isArray(container.value);
		for (const [key, leaf] of Object.entries(container.value)) {
			if ((!isList && holdsCardNumber(key)) || isFound(leaf, key, container)) return true;
		}
	}
	return false;
}

function pathOf(key: string, inside: Container | undefined): string[] {
	if (!inside) return [];
	const path = [key];
	for (let container = inside; container.inside; container = container.inside) path.push(container.key);
	return path.reverse();
}

/**
 * Only the whole part counts: the digits behind the point of a measured fraction are chance. Past 2^53 parsing has already rounded the check
 * digit away, so prefix and length decide alone.
 */
function mayBeCardNumber(value: number): boolean {
	const whole = Math.trunc(Math.abs(value));
	if (whole < 10 ** (digitsMin - 1) || whole >= 10 ** digitsMax) return false;
	const digits = String(whole);
	return schemeOf(digits) !== undefined && (!Number.isSafeInteger(whole) || luhn(digits));
}

function nextCardNumber(text: string, from: number): { start: number; end: number } | undefined {
	for (let start = from; start <= text.length - digitsMin; start++) {
		if (!isDigit(text.charCodeAt(start)) || (start > 0 && isAlphanumeric(text, start - 1))) continue;
		const end = endOfCardNumber(text, start);
		if (end !== undefined) return { start, end };
	}
	return undefined;
}

/**
 * Reads on over spaces and dashes to the longest card number that begins here. Both Luhn sums, with the even and with the odd digits
 * doubled, grow with each digit, so that every length is judged at once and a megabyte of "4 4 4 4" stays cheap.
 */
function endOfCardNumber(text: string, start: number): number | undefined {
	let count = 0;
	let prefix = 0;
	let evenDoubled = 0;
	let oddDoubled = 0;
	let found: number | undefined;
	for (let at = start; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (!isDigit(code)) {
			if (!isSpaceOrDash(code)) break;
			continue;
		}
		if (count === digitsMax) break;
		const digit = code - zeroCode;
		if (count < 6) prefix = prefix * 10 + digit;
		const isEven = count++ % 2 === 0;
		evenDoubled += isEven ? doubled(digit) : digit;
		oddDoubled += isEven ? digit : doubled(digit);
		if (count < digitsMin || (count % 2 === 0 ? evenDoubled : oddDoubled) % 10 !== 0) continue;
		if (at + 1 < text.length && isAlphanumeric(text, at + 1)) continue;
		if (schemeFor(prefix, count)) found = at + 1;
	}
	return found;
}

/** Twice a digit, its own digits summed: 7 becomes 14 becomes 5. */
function doubled(digit: number): number {
	return digit > 4 ? digit * 2 - 9 : digit * 2;
}

function isDigit(code: number): boolean {
	return code >= zeroCode && code <= zeroCode + 9;
}

function isAlphanumeric(text: string, at: number): boolean {
	const code = text.charCodeAt(at);
	if (code < 128) return isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
	return /[\p{L}\p{N}]/u.test(text[at]!);
}

/** Also the ones that typesetting and copying bring along: no-break and thin spaces, soft hyphens, en dashes. A new line parts two texts. */
function isSpaceOrDash(code: number): boolean {
	if (code < 128) return code === 32 || code === 45 || code === 9;
	return (code >= 0x2000 && code <= 0x2015) || [0xa0, 0xad, 0x202f, 0x205f, 0x2060, 0x2212, 0x3000, 0xfeff].includes(code);
}
