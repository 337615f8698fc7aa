// Decisions about a cart: pure, so that every case can be tried at a desk. A cart goes in, another comes out; nothing is changed in place.
import { currencyMismatch, type Flaw, notFound, validationFailed } from "../../../lib/failure.ts";
import type { Money } from "../../../lib/vocabulary.ts";
import {
	type AskedLine,
	type CartSnapshot,
	type CartStatus,
	cartEmpty,
	cartNotOpen,
	checkoutWithdrawn,
	linesMax,
	quantityMax,
} from "./carts.contract.ts";

/** A line as it is kept. */
export interface Line {
	id: string;
	sku: string;
	productId: string;
	name: string;
	quantity: number;
	/** As it was when the line was last changed: shown only when the catalogue no longer knows the SKU. */
	price: Money;
	/** How many both carts held when a merge could not take them all; forgotten when the line changes. */
	cappedFrom?: number;
}

export interface CartState {
	id: string;
	userId: string | null;
	tokenHash: string | null;
	/** The owner, while this is the open cart that new items go to. Unique over all carts. */
	openUserId: string | null;
	status: CartStatus;
	currency: string;
	items: readonly Line[];
	/** The checkout that claimed the cart, and the order it makes. */
	checkoutId: string | null;
	orderId: string | null;
	mergedInto: string | null;
	version: number;
	expiresAt: number;
	/** Since when it lies open, filled and untouched; null when it is not so, or when that was told. */
	idleSince: number | null;
	createdAt: number;
}

/** What the catalogue says of a SKU. */
export interface Quoted {
	sku: string;
	productId: string;
	name: string;
	price: Money;
	active: boolean;
}

/** What was asked of the neighbours for these SKUs. `levels` is absent when nobody could be asked. */
export interface Market {
	skus: ReadonlySet<string>;
	quotes: ReadonlyMap<string, Quoted>;
	levels: ReadonlyMap<string, number> | undefined;
}

/** Time and identity, handed in. */
export interface Given {
	now: number;
	expiresAfterMs: number;
	itemId(): string;
}

/** Who wants to open a cart: a user, the holder of a token, or both. */
export interface Asker {
	userId: string | null;
	tokenHashes: readonly string[];
}

/** A cart with what it begins with. Throws as {@link addLines} does. */
export function newCart(
	begin: { id: string; owner: { userId: string } | { tokenHash: string }; currency: string; asked: readonly AskedLine[] },
	market: Market,
	given: Given,
): CartState {
	const { id, owner, currency, asked } = begin;
	const userId = "userId" in owner ? owner.userId : null;
	const empty: CartState = {
		id,
		userId,
		tokenHash: "tokenHash" in owner ? owner.tokenHash : null,
		openUserId: userId,
		status: "open",
		currency,
		items: [],
		checkoutId: null,
		orderId: null,
		mergedInto: null,
		version: 1,
		expiresAt: given.now + given.expiresAfterMs,
		idleSince: null,
		createdAt: given.now,
	};
	return { ...addLines(empty, asked, market, given, pointersOfItems), version: 1 };
}

/** Where the lines stand in a request that brings several. */
export const pointersOfItems = (index: number) => `/items/${index}`;

/** An open cart ends by the clock alone; a claimed one waits for its checkout however long that takes. */
export const statusAt = (cart: Pick<CartState, "status" | "expiresAt">, now: number): CartStatus =>
	cart.status === "open" && cart.expiresAt <= now ? "expired" : cart.status;

export const isOpenAt = (cart: CartState, now: number) => statusAt(cart, now) === "open";

/** Throws not_found for strangers, as for a cart that is not there: neither learns which of the two it is. */
export function opened<Cart extends CartState>(cart: Cart | undefined, { userId, tokenHashes }: Asker): Cart {
	const owns = cart !== undefined && cart.userId !== null && cart.userId === userId;
	const holds = cart !== undefined && cart.tokenHash !== null && tokenHashes.includes(cart.tokenHash);
	if (!cart || !(owns || holds)) throw notFound();
	return cart;
}

export function refuseUnlessOpen(cart: CartState, now: number): void {
	const status = statusAt(cart, now);
	if (status !== "open") throw cartNotOpen({ cartId: cart.id, status });
}

export function refuseOtherCurrency(asked: string | undefined, shop: string): void {
	if (asked !== undefined && asked !== shop) throw currencyMismatch({ given: asked, shop });
}

function changed(cart: CartState, items: readonly Line[], given: Given): CartState {
	return touched({ ...cart, items, version: cart.version + 1 }, given);
}

/** Its holder was there: it has all its time again. */
function touched(cart: CartState, { now, expiresAfterMs }: Given): CartState {
	return { ...cart, expiresAt: now + expiresAfterMs, idleSince: cart.items.length > 0 ? now : null };
}

/** An open cart whose time is over, ended; undefined when there is nothing to end. */
export function expired(cart: CartState, now: number): CartState | undefined {
	if (cart.status !== "open" || isOpenAt(cart, now)) return undefined;
	return { ...cart, status: "expired", openUserId: null, idleSince: null };
}

/** Open, filled, untouched for so long, and not told of since it was touched. */
export const isAbandoned = (cart: CartState, now: number, afterMs: number) =>
	cart.idleSince !== null && cart.idleSince + afterMs <= now && isOpenAt(cart, now);

/** Puts lines in; a SKU that is there already adds up. `at` points at a line in the request. Throws validation_failed naming every line that cannot be. */
export function addLines(
	cart: CartState,
	asked: readonly AskedLine[],
	market: Market,
	given: Given,
	at: (index: number) => string,
): CartState {
	if (asked.length === 0) return cart;
	const lines = new Map(cart.items.map(line => [line.sku, line]));
	const errors: Flaw[] = [];
	for (const [index, { sku, quantity }] of asked.entries()) {
		const quoted = market.quotes.get(sku);
		const known = lines.get(sku);
		const sum = quantity + (known?.quantity ?? 0);
		const refuse = (pointer: string, code: string, detail: string) => errors.push({ pointer: `${at(index)}/${pointer}`, code, detail });

		if (!quoted) refuse("sku", "unknown", "is not in the catalogue");
		else if (!isSold(quoted, cart.currency)) refuse("sku", "unavailable", "is not sold at the moment");
		else if (sum > quantityMax) refuse("quantity", "maximum", `makes ${sum} in one line, more than ${quantityMax}`);
		else if (!known && lines.size >= linesMax) refuse("sku", "too_many_lines", `is one line too many: a cart holds ${linesMax}`);
		else {
			const { productId, name, price } = quoted;
			lines.set(sku, { id: known?.id ?? given.itemId(), sku, productId, name, quantity: sum, price });
		}
	}
	if (errors.length > 0) throw validationFailed({ errors });
	const items = [...lines.values()];
	refuseUncountable(items, market, cart.currency, `${at(asked.length - 1)}/quantity`);
	return changed(cart, items, given);
}

/** Sets how many of a line are wanted. Setting what is set already changes nothing. */
export function setQuantity(cart: CartState, itemId: string, quantity: number, market: Market, given: Given): CartState {
	const known = lineOf(cart, itemId);
	if (known.quantity === quantity && known.cappedFrom === undefined) return cart;
	const { cappedFrom: _, ...line } = known;
	const items = cart.items.map(item => (item.id === itemId ? { ...line, quantity } : item));
	refuseUncountable(items, market, cart.currency, "/quantity");
	return changed(cart, items, given);
}

export function removeLine(cart: CartState, itemId: string, given: Given): CartState {
	lineOf(cart, itemId);
	return changed(
		cart,
		cart.items.filter(line => line.id !== itemId),
		given,
	);
}

/**
 * Pours `source` into `target`. What both hold adds up, at most to what is in stock, and the line remembers what was asked for. One stays where
 * nothing is left, so that the buyer sees what is missing. Without stock levels nothing is capped: a cart may ask for more than there is.
 */
export function pour(source: CartState, target: CartState, market: Market, given: Given): { source: CartState; target: CartState } {
	if (source.currency !== target.currency) throw currencyMismatch({ given: source.currency, shop: target.currency });
	const lines = new Map(target.items.map(line => [line.sku, line]));
	for (const line of source.items) {
		const known = lines.get(line.sku);
		const { cappedFrom: _, ...base } = known ?? { ...line, id: given.itemId() };
		const asked = line.quantity + (known?.quantity ?? 0);
		const quantity = Math.max(1, Math.min(asked, quantityMax, market.levels ? (market.levels.get(line.sku) ?? 0) : asked));
		lines.set(line.sku, { ...base, quantity, ...(quantity < asked ? { cappedFrom: asked } : {}) });
	}
	if (lines.size > linesMax) {
		const detail = `makes ${lines.size} lines, a cart holds ${linesMax}`;
		throw validationFailed({ errors: [{ pointer: "/sourceCartId", code: "too_many_lines", detail }] });
	}
	const items = [...lines.values()];
	refuseUncountable(items, market, target.currency, "/sourceCartId");
	return {
		source: { ...source, status: "merged", openUserId: null, mergedInto: target.id, idleSince: null },
		target: source.items.length === 0 ? target : changed(target, items, given),
	};
}

/** The cart as one checkout takes it. What it holds stays as it is until the checkout gives it back or completes it. */
export function claimed(cart: CartState, checkout: { checkoutId: string; orderId: string }, withdrawn: boolean, now: number): CartState {
	const { checkoutId, orderId } = checkout;
	// The undo may have come first, when this claim was slow: a withdrawn checkout stays withdrawn.
	if (withdrawn) throw checkoutWithdrawn({ cartId: cart.id, checkoutId });
	if (cart.checkoutId === checkoutId && (cart.status === "completing" || cart.status === "completed")) return cart;
	refuseUnlessOpen(cart, now);
	if (cart.items.length === 0) throw cartEmpty({ cartId: cart.id });
	return { ...cart, status: "completing", openUserId: null, checkoutId, orderId, idleSince: null };
}

export function snapshotOf(cart: CartState): CartSnapshot {
	return {
		cartId: cart.id,
		userId: cart.userId,
		tokenHash: cart.tokenHash,
		currency: cart.currency,
		version: cart.version,
		items: cart.items.map(({ id, sku, productId, name, quantity }) => ({ id, sku, productId, name, quantity })),
	};
}

/** `hasAnother`: its owner began another cart meanwhile, which stays the one that new items go to. */
export function reopened(cart: CartState, checkoutId: string, hasAnother: boolean, given: Given): CartState {
	// A completed cart has its order: giving it back would sell it twice, so whoever asks for that is told.
	if (cart.status === "completed" && cart.checkoutId === checkoutId) throw cartNotOpen({ cartId: cart.id, status: "completed" });
	if (cart.status !== "completing" || cart.checkoutId !== checkoutId) return cart;
	const openUserId = hasAnother ? null : cart.userId;
	return touched({ ...cart, status: "open", openUserId, checkoutId: null, orderId: null }, given);
}

export function completed(cart: CartState, { checkoutId, orderId }: { checkoutId: string; orderId: string }, now: number): CartState {
	const isIts = cart.checkoutId === checkoutId && cart.orderId === orderId;
	if (isIts && cart.status === "completed") return cart;
	if (!isIts || cart.status !== "completing") throw cartNotOpen({ cartId: cart.id, status: statusAt(cart, now) });
	return { ...cart, status: "completed" };
}

/** A price in another currency is no offer to this cart: the shop's currency was changed after it was begun. */
export const isSold = (quoted: Quoted | undefined, currency: string): quoted is Quoted =>
	quoted?.active === true && quoted.price.currency === currency;

/** What a line costs at this moment; what the catalogue no longer prices is shown as it was. */
export function priceOf(line: Line, market: Market): Money {
	const price = market.quotes.get(line.sku)?.price;
	return price?.currency === line.price.currency ? price : line.price;
}

function lineOf(cart: CartState, itemId: string): Line {
	const line = cart.items.find(item => item.id === itemId);
	if (!line) throw notFound();
	return line;
}

/** A sum that no amount can hold is refused where it would arise; later it would be a defect. */
function refuseUncountable(items: readonly Line[], market: Market, currency: string, pointer: string): void {
	const total = items.reduce((sum, line) => sum + BigInt(priceOf(line, market).amount) * BigInt(line.quantity), 0n);
	if (total <= BigInt(Number.MAX_SAFE_INTEGER)) return;
	throw validationFailed({ errors: [{ pointer, code: "maximum", detail: `makes a total that cannot be counted in ${currency}` }] });
}
