import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { currencyMismatch, failure, notFound, validationFailed, versionStale } from "../../../lib/failure.ts";
import { Currency, Id, Money, Nothing, Page, Paging, Sku, Slug, Text, Time } from "../../../lib/vocabulary.ts";

// 9,999 of the dearest variant are still a whole number that nothing rounds.
const Minor = Type.Integer({ minimum: 0, maximum: 900_000_000_000, description: "Whole minor units of the shop's currency." });
const Price = Type.Object({ amount: Minor, currency: Currency }, { description: "A price of the shop, never below zero." });
/** Documents cannot keep every name: none with a dot, none that begins with a dollar sign. */
const Key = Type.String({ pattern: "^(?!__proto__$)[^$.\\u0000-\\u001f][^.\\u0000-\\u001f]{0,59}$" });
const few = { additionalProperties: false, maxProperties: 50 };
const Fact = Type.Union([Text(500, 0), Type.Number(), Type.Boolean()]);
const Attributes = Type.Record(Key, Fact, { ...few, description: "What is to be known of it, by name." });
const Options = Type.Record(Key, Text(100), { ...few, description: "What the buyer chooses it by: `{ colour: green }`." });
const Tags = Type.Array(Text(60), { maxItems: 50 });
const Url = Type.String({
	pattern: "^(https?://|/)[^\\s\\u0000-\\u001f]*$",
	maxLength: 2048,
	description: "Absolute, or from the root of the shop.",
});
const Status = Type.Enum(["draft", "active", "archived"]);
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Media = Type.Object(
	{ url: Url, alt: Text(300, 0) },
	{ $id: "Media", description: "A picture or film, and what it shows in words." },
);
export const NewMedia = Type.Array(Type.Object({ url: Url, alt: Type.Optional(Text(300, 0)) }), { maxItems: 50 });

export const Variant = Type.Object(
	{ id: Id("var"), sku: Sku, options: Options, price: Money, compareAt: Type.Optional(Money) },
	{ $id: "Variant", description: "One sellable form of a product. `compareAt` is what it cost before." },
);
export type Variant = Static<typeof Variant>;

export const NewVariant = Type.Object({ sku: Sku, options: Type.Optional(Options), price: Price, compareAt: Type.Optional(Price) });
export type NewVariant = Static<typeof NewVariant>;

export const Product = Type.Object(
	{
		id: Id("prd"),
		slug: Slug,
		name: Type.String(),
		description: Type.String(),
		brand: orNull(Slug),
		category: orNull(Slug),
		tags: Type.Array(Type.String()),
		attributes: Attributes,
		media: Type.Array(Media),
		variants: Type.Array(Variant, { minItems: 1 }),
		rating: Type.Object({ average: Type.Number(), count: Type.Integer() }),
		likes: Type.Integer(),
		status: Status,
		version: Type.Integer({ minimum: 1 }),
		createdAt: Time,
		updatedAt: Time,
	},
	{ $id: "Product", description: "Something to buy, in at least one variant." },
);
export type Product = Static<typeof Product>;

export const slugTaken = failure<{ slug: string }>("conflict", "slug_taken", ({ slug }) => `The slug ${slug} is taken.`, ["slug"]);
export const skuTaken = failure<{ sku: string }>("conflict", "sku_taken", ({ sku }) => `The SKU ${sku} belongs to another variant.`, [
	"sku",
]);
const tag = "Catalogue";
/** By form it may be anything: what is not an id of ours is simply not there. */
const PathId = Type.String({ minLength: 1, maxLength: 120 });
const byId = { id: PathId };
const changes = [notFound, validationFailed, versionStale];

export const list = action({
	name: "products.list",
	summary: "Products by words, category (with those below it), brand, price of the cheapest variant and stock. Newest first unless sorted.",
	allow: "public",
	rest: { method: "GET", path: "/v1/products", tag },
	idempotent: true,
	params: Type.Object({
		q: Type.Optional(Text(200, 0)),
		category: Type.Optional(Slug),
		brand: Type.Optional(Slug),
		minPrice: Type.Optional(Minor),
		maxPrice: Type.Optional(Minor),
		inStock: Type.Optional(Type.Boolean()),
		status: Type.Optional(Status),
		sort: Type.Optional(Type.Enum(["createdAt", "-createdAt", "name", "price", "-price"])),
		...Paging,
	}),
	returns: Page(Product),
	throws: [validationFailed],
});

export const get = action({
	name: "products.get",
	summary: "One product. The public sees what is active.",
	allow: "public",
	rest: { method: "GET", path: "/v1/products/:idOrSlug", tag },
	idempotent: true,
	params: Type.Object({ idOrSlug: Type.String({ minLength: 1, maxLength: 120, description: "Its id or its slug." }) }),
	returns: Product,
	throws: [notFound],
});

export const create = action({
	name: "products.create",
	summary: "Add a product. Without a slug it gets one from its name; a new category or brand is made with it.",
	allow: "products:write",
	rest: { method: "POST", path: "/v1/products", status: 201, location: "/v1/products/{id}", tag },
	params: Type.Object({
		name: Text(200),
		slug: Type.Optional(Slug),
		description: Type.Optional(Text(20_000, 0)),
		brand: Type.Optional(orNull(Slug)),
		category: Type.Optional(orNull(Slug)),
		tags: Type.Optional(Tags),
		attributes: Type.Optional(Attributes),
		media: Type.Optional(NewMedia),
		variants: Type.Array(NewVariant, { minItems: 1, maxItems: 100 }),
		status: Type.Optional(Status),
	}),
	returns: Product,
	throws: [slugTaken, skuTaken, currencyMismatch, validationFailed],
});

export const change = action({
	name: "products.change",
	summary: "Change a product, as a JSON merge patch. Variants have routes of their own.",
	allow: "products:write",
	rest: { method: "PATCH", path: "/v1/products/:id", tag },
	params: Type.Object({
		...byId,
		name: Type.Optional(Text(200)),
		slug: Type.Optional(Slug),
		description: Type.Optional(orNull(Text(20_000, 0))),
		brand: Type.Optional(orNull(Slug)),
		category: Type.Optional(orNull(Slug)),
		tags: Type.Optional(orNull(Tags)),
		attributes: Type.Optional(orNull(Type.Record(Key, orNull(Fact), few))),
		media: Type.Optional(orNull(NewMedia)),
		status: Type.Optional(Status),
	}),
	returns: Product,
	throws: [...changes, slugTaken],
});

export const archive = action({
	name: "products.archive",
	summary: "Take a product out of the shop. It stays for those who bought it.",
	allow: "products:write",
	rest: { method: "DELETE", path: "/v1/products/:id", tag },
	idempotent: true,
	params: Type.Object(byId),
	returns: Nothing,
	throws: [notFound, versionStale],
});

export const addVariant = action({
	name: "products.addVariant",
	summary: "Add a variant to a product.",
	allow: "products:write",
	rest: { method: "POST", path: "/v1/products/:id/variants", tag },
	params: Type.Object({ ...byId, ...NewVariant.properties }),
	returns: Product,
	throws: [...changes, skuTaken, currencyMismatch],
});

export const changeVariant = action({
	name: "products.changeVariant",
	summary: "Change a variant, as a JSON merge patch.",
	allow: "products:write",
	rest: { method: "PATCH", path: "/v1/products/:id/variants/:variantId", tag },
	params: Type.Object({
		...byId,
		variantId: PathId,
		sku: Type.Optional(Sku),
		options: Type.Optional(orNull(Type.Record(Key, orNull(Text(100)), few))),
		price: Type.Optional(Price),
		compareAt: Type.Optional(orNull(Price)),
	}),
	returns: Product,
	throws: [...changes, skuTaken, currencyMismatch],
});

export const removeVariant = action({
	name: "products.removeVariant",
	summary: "Take a variant away. A product keeps at least one.",
	allow: "products:write",
	rest: { method: "DELETE", path: "/v1/products/:id/variants/:variantId", status: 200, tag },
	params: Type.Object({ ...byId, variantId: PathId }),
	returns: Product,
	throws: changes,
});

export const QuotedLine = Type.Object(
	{
		sku: Sku,
		productId: Id("prd"),
		name: Type.String(),
		price: Money,
		active: Type.Boolean({ description: "Whether it can be bought: the product is neither a draft nor archived." }),
		media: Type.Optional(Type.String()),
	},
	{ description: "What a SKU is and costs at this moment." },
);
export type QuotedLine = Static<typeof QuotedLine>;

export const quote = action({
	name: "products.quote",
	summary: "What SKUs are and cost now. Unknown ones are left out.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ skus: Type.Array(Sku, { maxItems: 1000 }) }),
	returns: Type.Object({ lines: Type.Array(QuotedLine) }),
});

export const ImportedProduct = Type.Object({
	slug: Slug,
	name: Text(200),
	description: Text(20_000, 0),
	brand: Slug,
	brandName: Type.Optional(Text(120)),
	category: Slug,
	tags: Tags,
	attributes: Attributes,
	media: Type.Optional(NewMedia),
	variants: Type.Array(Type.Object({ sku: Sku, options: Options, price: Minor, compareAt: Type.Optional(Minor) }), {
		minItems: 1,
		maxItems: 100,
	}),
});
export type ImportedProduct = Static<typeof ImportedProduct>;

export const importBatch = action({
	name: "products.importBatch",
	summary: "Add many products at once. A slug that is known is left as it is, so the same batch twice adds nothing.",
	allow: "internal",
	idempotent: true,
	timeoutMs: 30_000,
	params: Type.Object({
		products: Type.Array(ImportedProduct, { maxItems: 200 }),
		categories: Type.Optional(
			Type.Array(Type.Object({ slug: Slug, name: Text(120), parent: Type.Optional(Slug) }), {
				maxItems: 1000,
				description: "A parent stands before its children.",
			}),
		),
		brands: Type.Optional(Type.Array(Type.Object({ slug: Slug, name: Text(120) }), { maxItems: 1000 })),
	}),
	returns: Type.Object({ created: Type.Integer(), known: Type.Integer() }),
	throws: [skuTaken],
});

export const picture = action({
	name: "products.picture",
	summary: "The drawing of a product that has no picture of its own, as SVG. Drafts have none yet.",
	allow: "internal",
	idempotent: true,
	params: Type.Object({ slug: Slug }),
	returns: Type.Object({ svg: Type.String() }),
	throws: [notFound],
});

const ProductFact = Type.Object({
	productId: Id("prd"),
	slug: Slug,
	brand: orNull(Slug),
	category: orNull(Slug),
	status: Status,
	variants: Type.Array(Type.Object({ sku: Sku, price: Money })),
	version: Type.Integer({ minimum: 1 }),
});

export const created = event({
	name: "products.created",
	version: 1,
	key: "productId",
	delivery: "durable",
	summary: "A product was added.",
	payload: ProductFact,
});

export const changed = event({
	name: "products.changed",
	version: 1,
	key: "productId",
	delivery: "durable",
	summary: "A product, its status or its variants changed. Stock is inventory's to tell.",
	payload: ProductFact,
});

export const cacheDropped = event({
	name: "products.cacheDropped",
	version: 1,
	key: "node",
	delivery: "fleeting",
	summary: "A node changed parts of the catalogue and could not reach Redis to say so; whoever can does it.",
	payload: Type.Object({ node: Type.String(), parts: Type.Array(Type.String()) }),
});
