// The command line of the chaos program, read once and checked.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type FaultKind, faultKinds, isServerFault } from "./schedule.ts";

export const help = `Breaks a running shop and looks whether anything was lost, doubled or invented.

  npm run chaos -- --minutes 5 --seed 7 --faults kill,pause,nats,sql,redis

  --minutes 5      how long buyers come; fractions are allowed
  --seed 7         the same schedule and the same buyers again; drawn and printed when left out
  --faults …       ${faultKinds.join(", ")}; kill, pause, nats, sql and redis when left out
  --rate 50        requests a second, at most
  --nodes 2        nodes for each domain
  --namespace x    schemas, databases, stream and keys on the servers begin with it

It starts servers of its own (scripts/test-engines.sh brings them), two gateways and two nodes for each domain. Where STOA_NATS_URL, STOA_SQL_URL,
STOA_MONGO_URL and STOA_REDIS_URL are all set it uses those servers instead, keeps to a namespace, and breaks nodes only.

Ends with 0 when everything holds, 1 on a breach, 2 when it was asked wrongly.`;

/** The program was asked wrongly. */
export class OptionError extends Error {
	override name = "OptionError";
}

export interface ServerUrls {
	nats: string;
	sql: string;
	mongo: string;
	redis: string;
}

export interface ChaosOptions {
	minutes: number;
	seed: number;
	faults: FaultKind[];
	rate: number;
	nodes: number;
	namespace: string;
	/** Somebody else's servers; undefined: its own. */
	lent: ServerUrls | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

function number(name: string, text: string, { from, to, whole }: { from: number; to: number; whole: boolean }): number {
	const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
	if (!(value >= from && value <= to) || (whole && !Number.isInteger(value)))
		throw new OptionError(`--${name} is "${text}"; it must be a ${whole ? "whole " : ""}number from ${from} to ${to}.`);
	return value;
}

function faultsOf(text: string): FaultKind[] {
	const names = text.split(",").map(name => name.trim());
	for (const name of names)
		if (!(faultKinds as readonly string[]).includes(name))
			throw new OptionError(`--faults names "${name}"; there are ${faultKinds.join(", ")}.`);
	return [...new Set(names as FaultKind[])];
}

function lentServers(env: Environment): ServerUrls | undefined {
	const { STOA_NATS_URL: nats, STOA_SQL_URL: sql, STOA_MONGO_URL: mongo, STOA_REDIS_URL: redis } = env;
	if (nats && sql && mongo && redis) return { nats, sql, mongo, redis };
	if (nats || sql || mongo || redis)
		throw new OptionError("STOA_NATS_URL, STOA_SQL_URL, STOA_MONGO_URL and STOA_REDIS_URL must be set together, or none of them.");
	return undefined;
}

function parsed(args: readonly string[]) {
	const text = { type: "string" } as const;
	try {
		return parseArgs({
			args: [...args],
			options: { minutes: text, seed: text, faults: text, rate: text, nodes: text, namespace: text, help: { type: "boolean", short: "h" } },
		}).values;
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

/** Undefined: help was asked for. Throws {@link OptionError}. */
export function readOptions(args: readonly string[], env: Environment): ChaosOptions | undefined {
	const values = parsed(args);
	if (values.help) return undefined;
	const faults = faultsOf(values.faults ?? "kill,pause,nats,sql,redis");
	const lent = lentServers(env);
	const impossible = lent && faults.find(isServerFault);
	if (impossible) throw new OptionError(`--faults ${impossible} would break a server that was lent; only nodes can be broken then.`);
	const seed = values.seed === undefined ? randomInt(1, 1_000_000) : number("seed", values.seed, { from: 0, to: 2 ** 32, whole: true });
	const namespace = values.namespace ?? `chaos${seed}`;
	if (!/^[a-z][a-z0-9_]{0,23}$/.test(namespace))
		throw new OptionError(`--namespace is "${namespace}"; it must be 1 to 24 lower case letters, digits and underscores, a letter first.`);
	return {
		minutes: number("minutes", values.minutes ?? "5", { from: 0.1, to: 1440, whole: false }),
		seed,
		faults,
		rate: number("rate", values.rate ?? "50", { from: 1, to: 1000, whole: false }),
		nodes: number("nodes", values.nodes ?? "2", { from: 1, to: 5, whole: true }),
		namespace,
		lent,
	};
}
