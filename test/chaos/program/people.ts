// Those who come to the shop with an account. An access token lasts five minutes, so everybody signs in again from time to time.
import { randomBytes } from "node:crypto";
import type { SignedIn } from "../../../services/identity/authentication/authentication.contract.ts";
import { aProduct, aShopper, type Person, signIn, staff } from "../../support/http.ts";
import { administrator } from "../../support/product.ts";
import type { Client } from "./client.ts";
import type { Bearer, Goods, Memory } from "./memory.ts";
import { Random } from "./random.ts";

const renewAfterMs = 200_000;
const endsAfterMs = 285_000;

export class Account implements Bearer {
	readonly email: string;
	readonly #password: string;
	readonly #memory: Memory;
	readonly #client: () => Client;
	#token: string;
	#since = performance.now();
	#renewing: Promise<unknown> | undefined;

	constructor({ email, password, token }: Person, given: { client: () => Client; memory: Memory }) {
		this.email = email;
		this.#password = password;
		this.#token = token;
		this.#client = given.client;
		this.#memory = given.memory;
	}

	async token(): Promise<string | undefined> {
		const age = performance.now() - this.#since;
		if (age > renewAfterMs) {
			this.#renewing ??= this.signIn().finally(() => {
				this.#renewing = undefined;
			});
			await this.#renewing;
		}
		return performance.now() - this.#since < endsAfterMs ? this.#token : undefined;
	}

	async signIn(): Promise<boolean> {
		const body = { email: this.email, password: this.#password };
		const { body: signedIn } = await this.#client().ask<SignedIn>({ method: "POST", path: "/v1/auth/login", body, allowed: [200] });
		if (!signedIn) return false;
		this.#since = performance.now();
		this.#token = signedIn.accessToken;
		keepTokens(this.#memory, signedIn);
		return true;
	}
}

export function keepTokens(memory: Memory, { accessToken, refreshToken }: Pick<SignedIn, "accessToken" | "refreshToken">): void {
	memory.secrets.set(accessToken, "an access token");
	memory.secrets.set(refreshToken, "a refresh token");
}

export const newPassword = () => `pw-${randomBytes(12).toString("hex")}`;

export interface People {
	members: Account[];
	merchant: Account;
	finance: Account;
	admin: Account;
}

export interface Stocked {
	people: People;
	goods: Goods[];
	/** How many of the goods, the last ones, are few. */
	scarce: number;
}

const membersCount = 8;
const plentyCount = 12;
const scarceCount = 6;
const plenty = 1_000_000;

/** Fills the shop before anything is broken. */
export async function stockShop(url: string, given: { seed: number; client: () => Client; memory: Memory }): Promise<Stocked> {
	const shop = { url };
	const random = new Random(given.seed, "goods");
	const root = await signIn(shop, administrator);
	const account = (person: Person) => {
		given.memory.secrets.set(person.password, "a password");
		keepTokens(given.memory, { accessToken: person.token, refreshToken: person.refreshToken });
		return new Account(person, given);
	};
	const shoppers: Person[] = [];
	for (let n = 1; n <= membersCount; n++) shoppers.push(await aShopper(shop, `Member ${n}`));
	const merchant = await staff(shop, root, "merchant");
	const people = {
		members: shoppers.map(account),
		merchant: account(merchant),
		finance: account(await staff(shop, root, "finance")),
		admin: account(root),
	};
	const goods: Goods[] = [];
	for (let n = 0; n < plentyCount + scarceCount; n++) {
		const isScarce = n >= plentyCount;
		const stock = isScarce ? random.whole(3, 9) : plenty;
		const { productId, sku, price } = await aProduct(shop, merchant, { price: random.whole(100, 90_000), stock });
		goods.push({ productId, sku, price: price.amount, stock, isScarce });
	}
	given.memory.goods.push(...goods);
	return { people, goods, scarce: scarceCount };
}
