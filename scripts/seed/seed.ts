// Brings the made-up shop into the running services: catalogue, stock, a customer and a merchant. Twice adds nothing twice.
import fs from "node:fs";
import path from "node:path";
import type { ServiceBroker } from "moleculer";
import type { Config } from "../../lib/config.ts";
import type { ResultOf } from "../../lib/contract.ts";
import { secretFile } from "../../lib/crypto.ts";
import type { Mesh } from "../../lib/operator-socket.ts";
import { ownsDataFolder } from "../../middlewares/data-folder.ts";
import { receiveBatch } from "../../services/commerce/inventory/inventory.contract.ts";
import { importBatch, list, quote } from "../../services/commerce/products/products.contract.ts";
import { ensureUser } from "../../services/identity/authentication/authentication.contract.ts";
import { type SeedProduct, seedBrands, seedCategories, seedPeople, seedProduct } from "./catalogue.ts";

/** How many products a first start seeds. */
export const firstSeed = 200;
const batchSize = 100;

export interface Seeded {
	created: number;
	known: number;
}

/** Products 1 to `count` with their stock. `onProgress` is told after every batch how many are done. */
export async function seedCatalogue(mesh: Mesh, count: number, onProgress: (done: number) => void = () => undefined): Promise<Seeded> {
	const total: Seeded = { created: 0, known: 0 };
	for (let first = 1; first <= count; first += batchSize) {
		const products = Array.from({ length: Math.min(batchSize, count - first + 1) }, (_, index) => seedProduct(first + index));
		// Categories and brands ride with the first batch only: every later one finds them there.
		const frame = first === 1 ? { categories: seedCategories, brands: seedBrands } : {};
		// Stock first: a product that is created finds its shelf filled, where the other way round every shelf would change it again.
		await mesh.call(receiveBatch.name, { deliveries: products.flatMap(deliveriesOf) });
		const answer = (await mesh.call(importBatch.name, { products: products.map(importedOf), ...frame })) as Seeded;
		total.created += answer.created;
		total.known += answer.known;
		onProgress(Math.min(first + batchSize - 1, count));
	}
	return total;
}

const importedOf = ({ stock: _, ...product }: SeedProduct) => product;

// The delivery's id is made from the SKU: a second seed finds it received.
const deliveriesOf = ({ stock }: SeedProduct) =>
	Object.entries(stock).map(([sku, delta]) => ({ id: `seed-${sku}`, sku, delta, reason: "opening stock" }));

export interface Person {
	email: string;
	password: string;
}

/** Whose password is known here: in a mesh another node may have made them first, with one of its own folder. */
export interface SeededPeople {
	customer?: Person;
	merchant?: Person;
}

/** A customer and a merchant to try the shop with; their passwords are generated into the data folder. */
export async function seedPersons(mesh: Mesh, config: Config): Promise<SeededPeople> {
	const { customer, merchant } = seedPeople();
	const person = async ({ email, name }: { email: string; name: string }, role: string): Promise<Person | undefined> => {
		const password = secretFile(config.dataDir, `seed-${role}-password`, newPassword);
		const roles = role === "customer" ? ["customer"] : ["customer", role];
		const { created } = (await mesh.call(ensureUser.name, { email, name, password, roles })) as { created: boolean };
		return created || ownsDataFolder(config) ? { email, password } : undefined;
	};
	return { customer: await person(customer, "customer"), merchant: await person(merchant, "merchant") };
}

const alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";

/** Four groups that can be read out and typed: 16 characters of 54, 92 bits. */
export function newPassword(): string {
	const letters = [...crypto.getRandomValues(new Uint32Array(16))].map(random => alphabet[random % alphabet.length]).join("");
	return letters.match(/.{4}/g)!.join("-");
}

/** Whether the mesh's shop has nothing to sell yet, or only a part of the seed: an earlier start was cut off. Whatever else it sells is left alone. */
async function wantsSeed(mesh: Mesh): Promise<boolean> {
	const skus = Array.from({ length: firstSeed }, (_, index) => Object.keys(seedProduct(index + 1).stock)[0]!);
	const { lines } = (await mesh.call(quote.name, { skus })) as ResultOf<typeof quote>;
	if (lines.length > 0) return lines.length < skus.length;
	const { data } = (await mesh.call(list.name, { limit: 1 })) as ResultOf<typeof list>;
	return data.length === 0;
}

/** Seeds a new shop; undefined when it has been. Twice adds nothing twice, also from two nodes at once. */
export async function seedShop(broker: ServiceBroker, config: Config): Promise<SeededPeople | undefined> {
	const mesh: Mesh = { call: (action, params) => broker.call(action, params, { timeout: 60_000 }), close: () => undefined };
	if (!ownsDataFolder(config)) {
		if (!(await wantsSeed(mesh))) return undefined;
		// The catalogue last: whether it is whole tells the next start whether anything is left to do.
		const people = await seedPersons(mesh, config);
		await seedCatalogue(mesh, firstSeed);
		return people;
	}
	const marker = path.join(config.dataDir, "seeded");
	if (fs.existsSync(marker)) return undefined;
	const [people] = await Promise.all([seedPersons(mesh, config), seedCatalogue(mesh, firstSeed)]);
	// Written last: a first start that was killed seeds again, and adds nothing twice.
	fs.writeFileSync(marker, `${firstSeed} products\n`);
	return people;
}
