// How products are found: lists as queries over one index, with keyset cursors.
import type { ParamsOf } from "../../../lib/contract.ts";
import { decodeCursor, encodeCursor } from "../../../lib/cursor.ts";
import { validationFailed } from "../../../lib/failure.ts";
import type { Query } from "../../../mixins/documents/engine.ts";
import type { Filter, Scalar } from "../../../mixins/documents/filter.ts";
import type { list } from "./products.contract.ts";
import type { ProductDocument } from "./products.domain.ts";
import { foldedWords } from "./products.words.ts";

/** Every word must be there; the last may still be being typed. */
export function wordsFilter(q: string | undefined): Filter {
	const words = foldedWords(q ?? "");
	const last = words.pop();
	if (last === undefined) return {};
	return { words: { ...(words.length > 0 ? { $all: [...new Set(words)] } : {}), $prefix: last } };
}

type Sort = NonNullable<Listed["sort"]>;
type Listed = ParamsOf<typeof list>;

const orders = {
	createdAt: { field: "createdAt", order: "ascending" },
	"-createdAt": { field: "createdAt", order: "descending" },
	name: { field: "sortName", order: "ascending" },
	price: { field: "cheapest", order: "ascending" },
	"-price": { field: "cheapest", order: "descending" },
} as const satisfies Record<Sort, Query["sort"]>;

const sortOf = ({ sort = "-createdAt" }: Pick<Listed, "sort">): Sort => sort;

function positionOf(cursor: string | undefined, sort: Sort): Query["after"] {
	if (cursor === undefined) return undefined;
	const [madeFor, value, id] = decodeCursor(cursor, 3);
	const fits = madeFor === sort && typeof value === (sort === "name" ? "string" : "number") && typeof id === "string";
	if (!fits)
		throw validationFailed({ errors: [{ pointer: "/cursor", code: "invalid", detail: "is not a cursor of this list and its order" }] });
	return { value: value!, id: id as string };
}

const oneOf = (values: readonly string[]): Scalar | { $in: readonly string[] } => (values.length === 1 ? values[0]! : { $in: values });

/** The query of a list. `below` gives a category with those below it. Throws `validation_failed` for a cursor of another list. */
export function queryOf(asked: Listed, below: (category: string) => readonly string[]): Query & { limit: number } {
	const { q, category, brand, minPrice, maxPrice, inStock, status = "active", cursor, limit = 20 } = asked;
	const priced = { ...(minPrice === undefined ? {} : { $gte: minPrice }), ...(maxPrice === undefined ? {} : { $lte: maxPrice }) };
	const sort = sortOf(asked);
	const after = positionOf(cursor, sort);
	return {
		// What leaves the fewest stands first: the store tries them in this order.
		filter: {
			...wordsFilter(q),
			...(brand === undefined ? {} : { brand }),
			...(category === undefined ? {} : { category: oneOf(below(category)) }),
			...(Object.keys(priced).length === 0 ? {} : { cheapest: priced }),
			...(inStock === undefined ? {} : { inStock }),
			status,
		},
		sort: orders[sort],
		...(after ? { after } : {}),
		limit,
	};
}

/** The cursor that goes on after this product. */
export function cursorAfter(product: ProductDocument, asked: Pick<Listed, "sort">): string {
	const sort = sortOf(asked);
	return encodeCursor([sort, product[orders[sort].field], product._id]);
}
