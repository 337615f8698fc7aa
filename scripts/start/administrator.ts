import type { ServiceBroker } from "moleculer";
import type { Config } from "../../lib/config.ts";
import { ask } from "../../lib/contract.ts";
import { ensureAdministrator as ensure } from "../../services/identity/authentication/authentication.contract.ts";
import { newPassword } from "../seed/seed.ts";

export interface Administrator {
	email: string;
	password: string;
}

/** The first administrator: from the environment, or made with a random password that is answered once. Undefined when there is nothing to tell. */
export async function ensureAdministrator(broker: ServiceBroker, config: Config): Promise<Administrator | undefined> {
	if (config.adminEmail && config.adminPassword) {
		await ask(broker, ensure, { email: config.adminEmail, password: config.adminPassword });
		return undefined;
	}
	if (config.production) return undefined;
	const email = "admin@stoa.example";
	const password = newPassword();
	const { created } = await ask(broker, ensure, { email, password, onlyIfNone: true });
	return created ? { email, password } : undefined;
}
