// What the door itself refuses before any service is asked, and the one answer it puts together from several services.
import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { failure, notFound, serviceUnavailable } from "../../../lib/failure.ts";
import { get as getProduct, Product } from "../../commerce/products/products.contract.ts";

export const malformedRequest = failure("malformed", "malformed_request", () => "This is not an HTTP request that can be read.");
export const malformedJson = failure("malformed", "malformed_json", () => "The body is not JSON in UTF-8.");
export const objectExpected = failure("malformed", "object_expected", () => "The body must be a JSON object.");
export const tooDeep = failure<{ levelsMax: number }>(
	"malformed",
	"too_deep",
	({ levelsMax }) => `The body is nested deeper than ${levelsMax} levels.`,
);
export const forbiddenKey = failure(
	"malformed",
	"forbidden_key",
	() => "No object may have a key named __proto__, constructor or prototype.",
);
export const cardDataNotAccepted = failure(
	"malformed",
	"card_data_not_accepted",
	() => "Card numbers are not accepted here, in no field. Send the token that the payment provider gave for it.",
);
export const methodNotAllowed = failure<{ allow: readonly string[] }>(
	"methodNotAllowed",
	"method_not_allowed",
	({ allow }) => `Only ${allow.join(", ")} here.`,
);
export const bodyTooLarge = failure<{ bytesMax: number }>(
	"tooLarge",
	"body_too_large",
	({ bytesMax }) => `The body may have ${bytesMax} bytes at most.`,
);
export const unsupportedMediaType = failure(
	"unsupportedMedia",
	"unsupported_media_type",
	() => "Send application/json (or, with PATCH, application/merge-patch+json) in UTF-8, not compressed.",
);
export const headersTooLarge = failure("headersTooLarge", "headers_too_large", () => "The header fields are too large.");

const Unanswered = Type.Null({ description: "The part cannot be had at the moment." });

export const Storefront = Type.Object(
	{
		product: Product,
		stock: Type.Union([Type.Record(Type.String(), Type.Integer(), { description: "How many of each SKU can be sold." }), Unanswered]),
		reviews: Type.Union([Type.Object({}, { additionalProperties: true }), Unanswered]),
		recommendations: Type.Union([Type.Object({}, { additionalProperties: true }), Unanswered]),
	},
	{ $id: "Storefront", description: "All that a product page shows. A part whose service is away, or not built yet, is null." },
);
export type Storefront = Static<typeof Storefront>;

export const storefrontProduct = action({
	name: "gateway.storefrontProduct",
	summary: "A product with all that its page shows, in one call.",
	allow: "public",
	rest: { method: "GET", path: "/v1/storefront/products/:idOrSlug", tag: "Catalogue" },
	idempotent: true,
	params: getProduct.params,
	returns: Storefront,
	throws: [notFound, serviceUnavailable],
});
