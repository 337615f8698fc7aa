// Whether a product is in stock is the inventory's to know. A product keeps only that one bit, and it is always written from what the inventory says
// at that moment, never from what a fact said once: a fact that comes late, twice or never makes no difference to what is written.
import { ask } from "../../../lib/contract.ts";
import { levels } from "../inventory/inventory.contract.ts";
import type { ProductDocument } from "./products.domain.ts";
import { isAvailable, type ProductStore, skusOf } from "./products.store.ts";

const skusPerQuestion = 1000;

type Mesh = Parameters<typeof ask>[0];

/** Throws when the inventory is away. */
export async function availableOf(mesh: Mesh, skus: readonly string[]): Promise<Map<string, number>> {
	const parts = Array.from({ length: Math.ceil(skus.length / skusPerQuestion) }, (_, part) =>
		skus.slice(part * skusPerQuestion, (part + 1) * skusPerQuestion),
	);
	const answers = await Promise.all(parts.map(part => ask(mesh, levels, { skus: part }, { timeout: 2000 })));
	return new Map(answers.flatMap(answer => answer.levels).map(({ sku, available }) => [sku, available]));
}

/**
 * Brings products in line with the inventory. Looks again after each write: whoever wrote between our question and our write saw the bit as it was
 * and had nothing to do. Throws when the inventory is away.
 */
export async function refreshStock(mesh: Mesh, store: ProductStore, ids: readonly string[]): Promise<void> {
	for (let left = ids; left.length > 0; ) {
		const products = await store.products.getMany(left);
		const available = await availableOf(mesh, products.flatMap(skusOf));
		const differs = (product: ProductDocument) => product.inStock !== isAvailable(product, available);
		left = products.filter(differs).map(({ _id }) => _id);
		await Promise.all(left.map(id => store.setInStock(id, available)));
	}
}
