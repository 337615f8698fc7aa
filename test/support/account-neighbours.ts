// Stands in for authentication, authorization, users and carts towards a service that hears of accounts and what their owners do: tells their facts,
// and answers who is who.
import { answer, tell } from "../../lib/contract.ts";
import { newId } from "../../lib/ids.ts";
import { defineService } from "../../lib/service.ts";
import { SqlTx } from "../../mixins/sql/tx.ts";
import { type SqlService, sqlStore } from "../../mixins/sql-store.ts";
import * as carts from "../../services/commerce/carts/carts.contract.ts";
import * as authentication from "../../services/identity/authentication/authentication.contract.ts";
import { usersWithRole } from "../../services/identity/authorization/authorization.contract.ts";
import * as users from "../../services/identity/users/users.contract.ts";
import type { Stoa } from "./stoa.ts";

const addressHash = "a".repeat(64);

export class AccountNeighbours {
	/** What `authentication.emailsOf` knows. */
	readonly emails = new Map<string, string>();
	/** Whom `authorization.usersWithRole` answers. */
	operators: string[] = [];
	#stoa: Stoa | undefined;

	/** Handed to `startStoa` as `also`. */
	services() {
		return [
			defineService({
				name: "authentication",
				mixins: [sqlStore({ migrations: [], tx: SqlTx })],
				actions: {
					emailsOf: answer(authentication.emailsOf, ({ params }) => ({
						emails: params.userIds.flatMap(userId => (this.emails.has(userId) ? [{ userId, email: this.emails.get(userId)! }] : [])),
					})),
				},
			}),
			defineService({
				name: "authorization",
				actions: {
					usersWithRole: answer(usersWithRole, ({ params }) => ({ userIds: params.role === "operator" ? this.operators : [] })),
				},
			}),
			defineService({ name: "users", mixins: [sqlStore({ migrations: [], tx: SqlTx })] }),
			defineService({ name: "carts", mixins: [sqlStore({ migrations: [], tx: SqlTx })] }),
		];
	}

	joined(stoa: Stoa): void {
		this.#stoa = stoa;
	}

	signIn(userId: string, deviceHash: string | null, by: "login" | "register" = "login"): Promise<void> {
		const sessionId = newId("ses", Date.now());
		return this.#transaction("authentication", async tx =>
			tell(tx, authentication.succeeded, { userId, sessionId, by, addressHash, deviceHash }),
		);
	}

	changePassword(userId: string): Promise<void> {
		return this.#transaction("authentication", async tx =>
			tell(tx, authentication.passwordChanged, { userId, sessionId: newId("ses", Date.now()) }),
		);
	}

	erase(userId: string): Promise<void> {
		return this.#transaction("users", async tx => tell(tx, users.erased, { userId }));
	}

	/** Null: a guest's. */
	abandonCart(userId: string | null): Promise<void> {
		const cart = { cartId: newId("crt", Date.now()), userId, status: "open" as const, version: 1 };
		const inIt = { items: [], itemCount: 2, total: { amount: 3412, currency: "EUR" } };
		return this.#transaction("carts", async tx => tell(tx, carts.abandoned, { ...cart, ...inIt }));
	}

	#transaction(service: string, work: (tx: SqlTx) => Promise<void>): Promise<void> {
		return this.#stoa!.service<SqlService<SqlTx>>(service).store.transaction(work);
	}
}
