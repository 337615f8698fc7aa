// People who register and sign in, for tests of whoever deals with them.
import { expect } from "@jest/globals";
import { ask, type Meta } from "../../lib/contract.ts";
import type { RequestFacts } from "../../lib/principal.ts";
import type { Envelope } from "../../lib/vocabulary.ts";
import type { SqlTx } from "../../mixins/sql/tx.ts";
import type { SqlService } from "../../mixins/sql-store.ts";
import * as authentication from "../../services/identity/authentication/authentication.contract.ts";
import { me } from "../../services/identity/users/users.contract.ts";
import type { Stoa } from "./stoa.ts";

export const password = "correct horse battery";
export const refused = (type: string) => expect.objectContaining({ type });
export const bearer = ({ accessToken }: { accessToken: string }): Meta => ({ accessToken });

let people = 0;
/** An email that nobody has had in this process. */
export const anEmail = () => `person${++people}@example.com`;

const request: RequestFacts = { id: "req-1", method: "POST", path: "/v1", address: "::1" };
/** Meta of a request from an address, and a device. */
export const from = (address: string, deviceId?: string): Meta => ({ request: { ...request, address, deviceId } });
/** Meta of a request with `If-Match`. */
export const matching = (meta: Meta, ifMatch: string): Meta => ({ ...meta, request: { ...request, ifMatch } });

/** What somebody does at the door. `stoa` is asked for at each call: a test may start it again. */
export const peopleOf = (stoa: () => Stoa) => ({
	register: (email: string, meta: Meta = {}, secret = password, name = "Ada") =>
		ask(stoa().broker, authentication.register, { email, password: secret, name }, { meta }),
	login: (email: string, secret = password, meta: Meta = {}) =>
		ask(stoa().broker, authentication.login, { email, password: secret }, { meta }),
	refresh: (refreshToken: string) => ask(stoa().broker, authentication.refresh, { refreshToken }),
	whoAmI: (session: { accessToken: string }) => ask(stoa().broker, me, {}, { meta: bearer(session) }),
});

/** The facts of a type (`users.erased`) that its service has told, oldest first. */
export async function factsOf(stoa: Stoa, type: string): Promise<Envelope[]> {
	const { store } = stoa.service<SqlService<SqlTx>>(type.split(".")[0]!);
	return (await store.facts.read(0, 1000)).filter(fact => fact.type === type);
}
