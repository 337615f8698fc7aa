// What a buyer gathers before buying. A cart holds no stock and fixes no price: both are asked for whenever it is read.
import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { currencyMismatch, failure, notFound, serviceUnavailable, validationFailed, versionStale } from "../../../lib/failure.ts";
import { Currency, Id, Money, Nothing, Quantity, Sku, Time, Totals } from "../../../lib/vocabulary.ts";

export const linesMax = 100;
export const quantityMax = 9999;

export const CartStatus = Type.Enum(["open", "completing", "completed", "expired", "merged"]);
export type CartStatus = Static<typeof CartStatus>;

export const CartItem = Type.Object(
	{
		id: Id("itm"),
		sku: Sku,
		productId: Id("prd"),
		name: Type.String(),
		quantity: Quantity,
		unitPrice: Money,
		discount: Money,
		total: Money,
	},
	{ $id: "CartItem", description: "One line of a cart, at the price of this moment." },
);
export type CartItem = Static<typeof CartItem>;

export const CartProblem = Type.Object(
	{
		code: Type.Enum(["out_of_stock", "unavailable", "quantity_capped"]),
		itemId: Id("itm"),
		detail: Type.String(),
		left: Type.Optional(Type.Integer({ minimum: 0, description: "How many can be had, with out_of_stock." })),
	},
	{
		$id: "CartProblem",
		description:
			"What a buyer should know of a line: `out_of_stock` (fewer are left than asked for) and `unavailable` (no longer sold) keep a checkout from passing; `quantity_capped` says that a merge took fewer than both carts held.",
	},
);
export type CartProblem = Static<typeof CartProblem>;

export const Cart = Type.Object(
	{
		id: Id("crt"),
		status: CartStatus,
		currency: Currency,
		items: Type.Array(CartItem),
		coupons: Type.Array(Type.String()),
		discounts: Type.Array(Type.Object({ code: Type.String(), amount: Money })),
		totals: Totals,
		problems: Type.Array(CartProblem),
		orderId: Type.Optional(Id("ord")),
		version: Type.Integer({ minimum: 1, description: "Counts the changes of what the cart holds." }),
		expiresAt: Time,
	},
	{ $id: "Cart", description: "A cart as its holder sees it, priced when it was read." },
);
export type Cart = Static<typeof Cart>;

export const NewCart = Type.Object(
	{
		...Cart.properties,
		cartToken: Type.Optional(
			Type.String({ description: "For guests, once: send it as header Cart-Token. Whoever holds it holds the cart." }),
		),
	},
	{ $id: "NewCart", description: "The cart; for a guest with the token that opens it." },
);
export type NewCart = Static<typeof NewCart>;

export const AskedLine = Type.Object({ sku: Sku, quantity: Quantity }, { $id: "AskedLine", description: "So many of one variant." });
export type AskedLine = Static<typeof AskedLine>;

/** Any text: an id that no cart has, malformed or not, is answered 404. */
const CartRef = Type.String({ minLength: 1, maxLength: 64, description: "A cart's id." });
const ItemRef = Type.String({ minLength: 1, maxLength: 64, description: "The id of a cart's line." });

export const cartNotOpen = failure<{ cartId: string; status: CartStatus }>(
	"conflict",
	"cart_not_open",
	({ status }) => `The cart is ${status}; only an open cart can be changed or bought.`,
);
export const cartEmpty = failure<{ cartId: string }>("conflict", "cart_empty", () => "There is nothing in the cart.");
export const checkoutWithdrawn = failure<{ cartId: string; checkoutId: string }>(
	"conflict",
	"checkout_withdrawn",
	() => "This checkout was given up before it could claim the cart.",
);

const tag = "Carts";
const changing = [notFound, cartNotOpen, versionStale, validationFailed, serviceUnavailable];

export const create = action({
	name: "carts.create",
	summary: "Begin a cart. A signed-in user has one open cart: the items are added to it when it is there, and the answer is 200.",
	allow: "public",
	rest: { method: "POST", path: "/v1/carts", status: 201, location: "/v1/carts/{id}", idempotencyKey: "honoured", tag },
	params: Type.Object({ currency: Type.Optional(Currency), items: Type.Optional(Type.Array(AskedLine, { maxItems: linesMax })) }),
	returns: NewCart,
	throws: [currencyMismatch, validationFailed, versionStale, serviceUnavailable],
});

export const mine = action({
	name: "carts.mine",
	summary: "The open cart of whoever is signed in.",
	allow: "user",
	idempotent: true,
	rest: { method: "GET", path: "/v1/carts/mine", tag },
	params: Type.Object({}),
	returns: Cart,
	throws: [notFound, serviceUnavailable],
});

export const get = action({
	name: "carts.get",
	summary: "A cart, for its owner or whoever holds its Cart-Token.",
	allow: "public",
	idempotent: true,
	rest: { method: "GET", path: "/v1/carts/:id", tag },
	params: Type.Object({ id: CartRef }),
	returns: Cart,
	throws: [notFound, serviceUnavailable],
});

export const addItem = action({
	name: "carts.addItem",
	summary: "Put something into a cart. What is there already adds up; more than is in stock is accepted and named in `problems`.",
	allow: "public",
	rest: { method: "POST", path: "/v1/carts/:id/items", status: 200, idempotencyKey: "honoured", tag },
	params: Type.Object({ id: CartRef, ...AskedLine.properties }),
	returns: Cart,
	throws: changing,
});

export const changeItem = action({
	name: "carts.changeItem",
	summary: "Set how many of a line are wanted.",
	allow: "public",
	rest: { method: "PATCH", path: "/v1/carts/:id/items/:itemId", tag },
	params: Type.Object({ id: CartRef, itemId: ItemRef, quantity: Quantity }),
	returns: Cart,
	throws: changing,
});

export const removeItem = action({
	name: "carts.removeItem",
	summary: "Take a line out of a cart.",
	allow: "public",
	rest: { method: "DELETE", path: "/v1/carts/:id/items/:itemId", status: 200, tag },
	params: Type.Object({ id: CartRef, itemId: ItemRef }),
	returns: Cart,
	throws: changing,
});

export const merge = action({
	name: "carts.merge",
	summary:
		"Pour one cart into another, such as a guest's into the user's after signing in. Quantities add up, at most to what is in stock.",
	allow: "public",
	idempotent: true,
	rest: { method: "POST", path: "/v1/carts/:id/merge", status: 200, idempotencyKey: "honoured", tag },
	params: Type.Object({
		id: CartRef,
		sourceCartId: CartRef,
		sourceCartToken: Type.Optional(
			Type.String({ minLength: 1, maxLength: 256, description: "The source's Cart-Token, when it is a guest's." }),
		),
	}),
	returns: Cart,
	throws: [...changing, currencyMismatch],
});

const OrNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) => Type.Union([schema, Type.Null()]);
const TokenHash = OrNull(Type.String({ description: "Keyed hash of the guest's token." }));
const CheckoutRef = Type.String({ minLength: 1, maxLength: 191, description: "The saga that buys the cart." });

export const access = action({
	name: "carts.access",
	summary: "Whether a user, or the holder of a token, may open a cart, and how the cart stands. Strangers learn nothing: not_found.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ cartId: CartRef, userId: OrNull(Type.String()), cartToken: OrNull(Type.String()) }),
	returns: Type.Object({
		cartId: Id("crt"),
		status: CartStatus,
		userId: OrNull(Type.String()),
		tokenHash: TokenHash,
		version: Type.Integer(),
		/** Of the order that a claim named, placed or not yet. */
		orderId: OrNull(Id("ord")),
	}),
	throws: [notFound],
});

export const CartSnapshot = Type.Object(
	{
		cartId: Id("crt"),
		userId: OrNull(Type.String()),
		tokenHash: TokenHash,
		currency: Currency,
		version: Type.Integer(),
		items: Type.Array(Type.Pick(CartItem, ["id", "sku", "productId", "name", "quantity"])),
	},
	{ $id: "CartSnapshot", description: "What one checkout buys: it cannot change while the cart is claimed." },
);
export type CartSnapshot = Static<typeof CartSnapshot>;

export const claim = action({
	name: "carts.claim",
	summary: "Take an open cart for one checkout: nothing in it changes from now on. The same checkout asking again gets the same answer.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({
		cartId: CartRef,
		checkoutId: CheckoutRef,
		orderId: Id("ord"),
		ifMatch: Type.Optional(Type.String({ maxLength: 1024, description: "The cart is taken as its buyer saw it, or not at all." })),
	}),
	returns: CartSnapshot,
	throws: [notFound, cartNotOpen, cartEmpty, checkoutWithdrawn, versionStale, serviceUnavailable],
});

export const reopen = action({
	name: "carts.reopen",
	summary: "Give a claimed cart back to its buyer. A claim of this checkout that comes later, because it was slow, is refused.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ cartId: CartRef, checkoutId: CheckoutRef }),
	returns: Nothing,
	throws: [cartNotOpen],
});

export const complete = action({
	name: "carts.complete",
	summary: "Close a claimed cart for good: its order stands.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ cartId: CartRef, checkoutId: CheckoutRef, orderId: Id("ord") }),
	returns: Nothing,
	throws: [notFound, cartNotOpen],
});

const CartFact = Type.Object({
	cartId: Id("crt"),
	userId: OrNull(Type.String({ description: "Null for a guest's." })),
	status: CartStatus,
	version: Type.Integer({ minimum: 1 }),
	items: Type.Array(Type.Pick(CartItem, ["sku", "productId", "quantity"])),
	itemCount: Type.Integer({ minimum: 0, description: "Pieces in all lines together." }),
	total: Type.Object(Money.properties, { description: "At the prices of when each line was last changed." }),
});

export const changed = event({
	name: "carts.changed",
	version: 1,
	key: "cartId",
	delivery: "durable",
	summary: "A cart was begun, what lies in it changed, or how it stands.",
	payload: CartFact,
});

export const abandoned = event({
	name: "carts.abandoned",
	version: 1,
	key: "cartId",
	delivery: "durable",
	summary: "An open cart with something in it was left untouched for long. Told once until it is touched again; the cart stays open.",
	payload: CartFact,
});

export const expired = event({
	name: "carts.expired",
	version: 1,
	key: "cartId",
	delivery: "durable",
	summary: "An open cart's time was over.",
	payload: CartFact,
});
