// Categories and brands: what products are put under. They belong to the products service.
import Type, { type Static } from "typebox";
import { action } from "../../../lib/contract.ts";
import { failure, notFound, validationFailed, versionStale } from "../../../lib/failure.ts";
import { Id, Nothing, Slug, Text } from "../../../lib/vocabulary.ts";
import { slugTaken } from "./products.contract.ts";

const tag = "Catalogue";
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const PathId = Type.String({ minLength: 1, maxLength: 120 });

const Named = { id: Id("cat"), slug: Slug, name: Type.String(), parentId: orNull(Id("cat")) };
export interface Category extends Static<ReturnType<typeof Type.Object<typeof Named>>> {
	children: Category[];
}
const Below = Type.Object({}, { additionalProperties: true, description: "A category of the same shape." });
export const Category = Type.Unsafe<Category>(
	Type.Object({ ...Named, children: Type.Array(Below) }, { $id: "Category", description: "A shelf of the shop, with those below it." }),
);
export const Brand = Type.Object({ id: Id("brd"), slug: Slug, name: Type.String() }, { $id: "Brand", description: "Who made it." });
export type Brand = Static<typeof Brand>;

export const categoryInUse = failure<{ slug: string }>(
	"conflict",
	"category_in_use",
	({ slug }) => `${slug} has products or categories below it. Move them first; archived products count.`,
);
export const brandInUse = failure<{ slug: string }>(
	"conflict",
	"brand_in_use",
	({ slug }) => `${slug} has products. Give them another brand first; archived products count.`,
);

export const listCategories = action({
	name: "products.listCategories",
	summary: "The tree of categories, by name.",
	allow: "public",
	rest: { method: "GET", path: "/v1/categories", tag },
	idempotent: true,
	params: Type.Object({}),
	returns: Type.Object({ data: Type.Array(Category) }),
});

export const getCategory = action({
	name: "products.getCategory",
	summary: "A category with those below it.",
	allow: "public",
	rest: { method: "GET", path: "/v1/categories/:id", tag },
	idempotent: true,
	params: Type.Object({ id: PathId }),
	returns: Category,
	throws: [notFound],
});

export const addCategory = action({
	name: "products.addCategory",
	summary: "Add a category.",
	allow: "products:write",
	rest: { method: "POST", path: "/v1/categories", status: 201, location: "/v1/categories/{id}", tag },
	params: Type.Object({ slug: Slug, name: Text(120), parentId: Type.Optional(orNull(Id("cat"))) }),
	returns: Category,
	throws: [slugTaken, validationFailed],
});

export const changeCategory = action({
	name: "products.changeCategory",
	summary: "Rename or move a category. Its slug changes only while no product has it.",
	allow: "products:write",
	rest: { method: "PATCH", path: "/v1/categories/:id", tag },
	params: Type.Object({
		id: PathId,
		slug: Type.Optional(Slug),
		name: Type.Optional(Text(120)),
		parentId: Type.Optional(orNull(Id("cat"))),
	}),
	returns: Category,
	throws: [notFound, validationFailed, versionStale, slugTaken, categoryInUse],
});

export const removeCategory = action({
	name: "products.removeCategory",
	summary: "Remove a category that nothing is in.",
	allow: "products:write",
	rest: { method: "DELETE", path: "/v1/categories/:id", tag },
	params: Type.Object({ id: PathId }),
	returns: Nothing,
	throws: [notFound, versionStale, categoryInUse],
});

export const listBrands = action({
	name: "products.listBrands",
	summary: "Every brand, by name.",
	allow: "public",
	rest: { method: "GET", path: "/v1/brands", tag },
	idempotent: true,
	params: Type.Object({}),
	returns: Type.Object({ data: Type.Array(Brand) }),
});

export const getBrand = action({
	name: "products.getBrand",
	summary: "One brand.",
	allow: "public",
	rest: { method: "GET", path: "/v1/brands/:id", tag },
	idempotent: true,
	params: Type.Object({ id: PathId }),
	returns: Brand,
	throws: [notFound],
});

export const addBrand = action({
	name: "products.addBrand",
	summary: "Add a brand.",
	allow: "products:write",
	rest: { method: "POST", path: "/v1/brands", status: 201, location: "/v1/brands/{id}", tag },
	params: Type.Object({ slug: Slug, name: Text(120) }),
	returns: Brand,
	throws: [slugTaken],
});

export const changeBrand = action({
	name: "products.changeBrand",
	summary: "Rename a brand. Its slug changes only while no product has it.",
	allow: "products:write",
	rest: { method: "PATCH", path: "/v1/brands/:id", tag },
	params: Type.Object({ id: PathId, slug: Type.Optional(Slug), name: Type.Optional(Text(120)) }),
	returns: Brand,
	throws: [notFound, versionStale, slugTaken, brandInUse],
});

export const removeBrand = action({
	name: "products.removeBrand",
	summary: "Remove a brand that has no product.",
	allow: "products:write",
	rest: { method: "DELETE", path: "/v1/brands/:id", tag },
	params: Type.Object({ id: PathId }),
	returns: Nothing,
	throws: [notFound, versionStale, brandInUse],
});
