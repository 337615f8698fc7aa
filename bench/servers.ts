// The servers under the product: those whose URLs the environment lends, or some of its own.
import { type Engines, type ServerUrls, startEngines } from "../test/support/cluster.ts";
import { missing } from "../test/support/engines/engines.ts";
import { OptionError } from "./option-error.ts";
import type { WatchedProcess } from "./usage.ts";

export type ServerName = keyof ServerUrls;
export type Lent<Name extends ServerName> = Record<Name, string> | undefined;

const titles: Record<ServerName, string> = { nats: "NATS", sql: "MariaDB", mongo: "MongoDB stand-in", redis: "Redis" };
const variables: Record<ServerName, string> = {
	nats: "STOA_NATS_URL",
	sql: "STOA_SQL_URL",
	mongo: "STOA_MONGO_URL",
	redis: "STOA_REDIS_URL",
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined when the environment names none of them. Throws an {@link OptionError} when it names only some. */
export function lentServers<Name extends ServerName>(env: Environment, names: readonly Name[]): Lent<Name> {
	const given = names.filter(name => env[variables[name]]);
	if (given.length === 0) return undefined;
	if (given.length < names.length)
		throw new OptionError(`${names.map(name => variables[name]).join(", ")} must be set together, or none of them.`);
	return Object.fromEntries(names.map(name => [name, env[variables[name]]])) as Record<Name, string>;
}

export interface Servers<Name extends ServerName> {
	urls: Record<Name, string>;
	/** Empty when they were lent: they may be anywhere. */
	processes: readonly WatchedProcess[];
	remove(): Promise<void>;
}

/** Throws an {@link OptionError} when there is nothing here to start. */
export async function openServers<Name extends ServerName>(names: readonly Name[], lent: Lent<Name>): Promise<Servers<Name>> {
	if (lent) return { urls: lent, processes: [], remove: async () => undefined };
	const reason = names.map(name => missing(`own ${name}`)).find(Boolean);
	if (reason)
		throw new OptionError(`Servers of its own cannot be started: ${reason}. Lend some: ${names.map(name => variables[name]).join(", ")}.`);
	const engines: Engines<Name> = await startEngines(names);
	const processes = names.map(name => ({ name: titles[name], role: "server" as const, pid: engines.servers[name].pid! }));
	return { urls: engines.urls, processes, remove: () => engines.remove() };
}
