// Carts: contract to domain to store. Each change is one transaction; prices and stock are asked for before it begins.
import type { Context } from "moleculer";
import { etagOf, requireMatch } from "../../../lib/canonical.ts";
import { answer, type Locals, type Meta, type ParamsOf } from "../../../lib/contract.ts";
import { keyedHash } from "../../../lib/crypto.ts";
import { notFound, validationFailed } from "../../../lib/failure.ts";
import { keyedRequest } from "../../../lib/idempotency.ts";
import { newId } from "../../../lib/ids.ts";
import { defineService } from "../../../lib/service.ts";
import { type SqlService, sqlStore } from "../../../mixins/sql-store.ts";
import type { Cart } from "./carts.contract.ts";
import * as carts from "./carts.contract.ts";
import type { Asker, CartState, Given, Market } from "./carts.domain.ts";
import * as domain from "./carts.domain.ts";
import { refuseUnprepared, Unprepared, withMarket } from "./carts.market.ts";
import { CartsTx } from "./carts.store.ts";
import { viewOf } from "./carts.view.ts";
import { CartWatch } from "./carts.watch.ts";
import { carts as tables } from "./migrations/0001-carts.ts";
import { idleCarts } from "./migrations/0002-idle-carts.ts";

type Carts = SqlService<CartsTx> & { watch?: CartWatch };
type Call<Params = unknown> = Context<Params, Meta, Locals>;

const skusOf = (...parts: readonly (readonly { sku: string }[] | undefined)[]) =>
	parts.flatMap(lines => lines?.map(({ sku }) => sku) ?? []);

function givenBy({ runtime }: Carts): Given {
	const now = runtime.clock.now();
	return { now, expiresAfterMs: runtime.config.cartExpiresAfterMs, itemId: () => newId("itm", now) };
}

const hashOfToken = ({ runtime }: Carts, token: string) => keyedHash(runtime.secret(), "cart-token", token);

// Made from the id and our secret, so that it need not be kept: a repeat with the same Idempotency-Key must answer the token again, and no store may hold one.
const tokenFor = ({ runtime }: Carts, cartId: string) => keyedHash(runtime.secret(), "cart-token-made", cartId);

function askerOf(service: Carts, ctx: Call, otherToken?: string): Asker {
	const tokens = [ctx.meta.request?.cartToken, otherToken].filter(token => token !== undefined);
	return { userId: ctx.locals.principal?.userId ?? null, tokenHashes: tokens.map(token => hashOfToken(service, token)) };
}

/** If-Match: the client's view must be the present one. */
function refuseStale(ifMatch: string | undefined, cartToken: string | undefined, view: () => Cart): void {
	if (ifMatch === undefined) return;
	const present = view();
	// The answer that made a guest's cart also held the token, so its ETag is as good as that of a read.
	if (cartToken !== undefined && ifMatch.trim() === etagOf({ ...present, cartToken })) return;
	requireMatch(ifMatch, present);
}

async function shown(ctx: Call, cart: CartState, now: number): Promise<Cart> {
	return withMarket(ctx, skusOf(cart.items), async market => viewOf(cart, market, now));
}

/** One change of one cart. The cart is looked at first: strangers are sent away before a key of theirs is looked up, and its lines are priced. */
async function change(
	service: Carts,
	ctx: Call<{ id: string }>,
	added: readonly carts.AskedLine[],
	decide: (cart: CartState, market: Market, given: Given) => CartState,
): Promise<Cart> {
	const asker = askerOf(service, ctx);
	const seen = domain.opened(await service.store.reader.cart(ctx.params.id), asker);
	return withMarket(ctx, skusOf(seen.items, added), market =>
		service.store.once(ctx, keyedRequest(ctx, seen.id), async tx => {
			const given = givenBy(service);
			const cart = domain.opened(await tx.lockCart(seen.id), asker);
			refuseUnprepared(cart.items, market);
			domain.refuseUnlessOpen(cart, given.now);
			refuseStale(ctx.meta.request?.ifMatch, ctx.meta.request?.cartToken, () => viewOf(cart, market, given.now));
			const after = decide(cart, market, given);
			if (after !== cart) await tx.saveCart(after);
			return viewOf(after, market, given.now);
		}),
	);
}

/** `asSeen` throws when the cart that is about to be taken is not the one that its buyer saw. */
function claimCart(
	service: Carts,
	asked: ParamsOf<typeof carts.claim>,
	asSeen: (cart: CartState, now: number) => void = () => undefined,
): Promise<carts.CartSnapshot> {
	return service.store.transaction(async tx => {
		const cart = await tx.lockCart(asked.cartId);
		if (!cart) throw notFound();
		const after = domain.claimed(cart, asked, await tx.isWithdrawn(asked.checkoutId), tx.now());
		// Claimed by this very checkout before: what was seen was compared then.
		if (after !== cart) {
			asSeen(cart, tx.now());
			await tx.saveCart(after);
		}
		return domain.snapshotOf(after);
	});
}

async function claimAsSeen(service: Carts, ctx: Call<ParamsOf<typeof carts.claim>>, ifMatch: string): Promise<carts.CartSnapshot> {
	const seen = await service.store.reader.cart(ctx.params.cartId);
	return withMarket(ctx, skusOf(seen?.items), market =>
		claimCart(service, ctx.params, (cart, now) => {
			refuseUnprepared(cart.items, market);
			const token = cart.tokenHash === null ? undefined : tokenFor(service, cart.id);
			refuseStale(ifMatch, token, () => viewOf(cart, market, now));
		}),
	);
}

async function createForGuest(service: Carts, ctx: Call, asked: readonly carts.AskedLine[]): Promise<carts.NewCart> {
	const { address, deviceId } = ctx.meta.request ?? {};
	// Nobody is known yet by whom a key could be told apart. Two guests who happen to send the same key must not be handed one cart,
	// so a key counts only from where it came.
	const keyed = keyedRequest(ctx, `${address} ${deviceId ?? ""}`);
	const cart = await withMarket(ctx, skusOf(asked), market =>
		service.store.once(ctx, keyed, async tx => {
			const given = givenBy(service);
			const id = newId("crt", given.now);
			const owner = { tokenHash: hashOfToken(service, tokenFor(service, id)) };
			const fresh = domain.newCart({ id, owner, currency: service.runtime.config.currency, asked }, market, given);
			await tx.insertCart(fresh);
			return viewOf(fresh, market, given.now);
		}),
	);
	return { ...cart, cartToken: tokenFor(service, cart.id) };
}

async function createForUser(service: Carts, ctx: Call, userId: string, asked: readonly carts.AskedLine[]): Promise<Cart> {
	const seen = await service.store.reader.openCartsOf(userId);
	return withMarket(ctx, skusOf(asked, ...seen.map(cart => cart.items)), market =>
		service.store.once(ctx, keyedRequest(ctx), async tx => {
			const given = givenBy(service);
			const open = await tx.lockOpenCartsOf(userId);
			for (const over of open.flatMap(cart => domain.expired(cart, given.now) ?? [])) await tx.endCart(over);
			const cart = open.find(candidate => domain.isOpenAt(candidate, given.now));

			if (!cart) {
				const begin = { id: newId("crt", given.now), owner: { userId }, currency: service.runtime.config.currency, asked };
				const fresh = domain.newCart(begin, market, given);
				if ((await tx.insertCart(fresh)) === 0) throw new Unprepared();
				ctx.meta.reply = { status: 201 };
				return viewOf(fresh, market, given.now);
			}
			refuseUnprepared(cart.items, market);
			refuseStale(ctx.meta.request?.ifMatch, ctx.meta.request?.cartToken, () => viewOf(cart, market, given.now));
			const after = domain.addLines(cart, asked, market, given, domain.pointersOfItems);
			if (after !== cart) await tx.saveCart(after);
			ctx.meta.reply = { status: 200 };
			return viewOf(after, market, given.now);
		}),
	);
}

export default defineService<Carts>({
	name: "carts",
	mixins: [sqlStore({ migrations: [tables, idleCarts], tx: CartsTx })],

	async started() {
		const { cartAbandonedAfterMs: abandonedAfterMs, cartExpiresAfterMs: expiresAfterMs } = this.runtime.config;
		this.watch = new CartWatch({ store: this.store, abandonedAfterMs, expiresAfterMs, logger: this.logger });
		this.watch.start();
	},

	async stopped() {
		await this.watch?.stop();
	},

	actions: {
		create: answer(carts.create, async function (this: Carts, ctx) {
			const { currency, items = [] } = ctx.params;
			domain.refuseOtherCurrency(currency, this.runtime.config.currency);
			const { principal } = ctx.locals;
			return principal ? createForUser(this, ctx, principal.userId, items) : createForGuest(this, ctx, items);
		}),

		mine: answer(carts.mine, async function (this: Carts, ctx) {
			const now = this.runtime.clock.now();
			const open = await this.store.reader.openCartsOf(ctx.locals.principal!.userId);
			const cart = open.find(candidate => domain.isOpenAt(candidate, now));
			if (!cart) throw notFound();
			return shown(ctx, cart, now);
		}),

		get: answer(carts.get, async function (this: Carts, ctx) {
			const cart = domain.opened(await this.store.reader.cart(ctx.params.id), askerOf(this, ctx));
			return shown(ctx, cart, this.runtime.clock.now());
		}),

		addItem: answer(carts.addItem, function (this: Carts, ctx) {
			const { sku, quantity } = ctx.params;
			const asked = [{ sku, quantity }];
			return change(this, ctx, asked, (cart, market, given) => domain.addLines(cart, asked, market, given, () => ""));
		}),

		changeItem: answer(carts.changeItem, function (this: Carts, ctx) {
			const { itemId, quantity } = ctx.params;
			return change(this, ctx, [], (cart, market, given) => domain.setQuantity(cart, itemId, quantity, market, given));
		}),

		removeItem: answer(carts.removeItem, function (this: Carts, ctx) {
			return change(this, ctx, [], (cart, _, given) => domain.removeLine(cart, ctx.params.itemId, given));
		}),

		merge: answer(carts.merge, async function (this: Carts, ctx) {
			const { id, sourceCartId, sourceCartToken } = ctx.params;
			if (id === sourceCartId) {
				throw validationFailed({ errors: [{ pointer: "/sourceCartId", code: "not_allowed", detail: "is the cart itself" }] });
			}
			const asker = askerOf(this, ctx);
			const sourceAsker = askerOf(this, ctx, sourceCartToken);
			const { reader } = this.store;
			const seen = [domain.opened(await reader.cart(id), asker), domain.opened(await reader.cart(sourceCartId), sourceAsker)];

			return withMarket(ctx, skusOf(...seen.map(cart => cart.items)), market =>
				this.store.once(ctx, keyedRequest(ctx, id), async tx => {
					const given = givenBy(this);
					const both = await tx.lockCarts([id, sourceCartId]);
					const target = domain.opened(both.get(id), asker);
					const source = domain.opened(both.get(sourceCartId), sourceAsker);
					refuseUnprepared([...target.items, ...source.items], market);
					// Asked again, the cart is answered as it has become since.
					if (source.mergedInto === target.id) return viewOf(target, market, given.now);
					domain.refuseUnlessOpen(target, given.now);
					domain.refuseUnlessOpen(source, given.now);
					refuseStale(ctx.meta.request?.ifMatch, ctx.meta.request?.cartToken, () => viewOf(target, market, given.now));
					const poured = domain.pour(source, target, market, given);
					await tx.saveCart(poured.source);
					await tx.saveCart(poured.target);
					return viewOf(poured.target, market, given.now);
				}),
			);
		}),

		access: answer(carts.access, async function (this: Carts, ctx) {
			const { cartId, userId, cartToken } = ctx.params;
			const asker = { userId, tokenHashes: cartToken === null ? [] : [hashOfToken(this, cartToken)] };
			const cart = domain.opened(await this.store.reader.cart(cartId), asker);
			const { tokenHash, version, orderId } = cart;
			return { cartId, status: domain.statusAt(cart, this.runtime.clock.now()), userId: cart.userId, tokenHash, version, orderId };
		}),

		claim: answer(carts.claim, function (this: Carts, ctx) {
			const { ifMatch } = ctx.params;
			return ifMatch === undefined ? claimCart(this, ctx.params) : claimAsSeen(this, ctx, ifMatch);
		}),

		reopen: answer(carts.reopen, function (this: Carts, ctx) {
			const { cartId, checkoutId } = ctx.params;
			return this.store.transaction(async tx => {
				const cart = await tx.lockCart(cartId);
				if (cart) {
					const hasAnother = cart.userId !== null && (await tx.hasCurrentCart(cart.userId));
					const after = domain.reopened(cart, checkoutId, hasAnother, givenBy(this));
					if (after !== cart) await tx.saveCart(after);
				}
				await tx.withdraw(checkoutId, cartId);
				return null;
			});
		}),

		complete: answer(carts.complete, function (this: Carts, ctx) {
			return this.store.transaction(async tx => {
				const cart = await tx.lockCart(ctx.params.cartId);
				if (!cart) throw notFound();
				const after = domain.completed(cart, ctx.params, tx.now());
				if (after !== cart) await tx.saveCart(after);
				return null;
			});
		}),
	},
});
