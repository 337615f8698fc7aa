// The servers that suites ask for: whether this machine has them, one of one's own, or the one that the whole run shares.
import path from "node:path";
import { findChromium } from "../chromium.ts";
import { mariadbRecipe, missingMariadb, type SqlOptions } from "./mariadb.ts";
import { type MongoOptions, missingMongo, mongoRecipe } from "./mongo.ts";
import { type NatsOptions, natsRecipe } from "./nats.ts";
import { enginesFolder, findProgram, isProgram } from "./programs.ts";
import { type RedisOptions, redisRecipe } from "./redis.ts";
import { type Recipe, runServer, type TestServer } from "./server.ts";
import { localstripeRecipe, missingLocalstripe, stripeMockRecipe } from "./stripe.ts";
import { toxiproxyRecipe } from "./toxiproxy.ts";

export type { TestServer };

interface EngineOptions {
	nats: NatsOptions;
	sql: SqlOptions;
	mongo: MongoOptions;
	redis: RedisOptions;
	toxiproxy: object;
	stripeMock: object;
	localstripe: object;
}
export type Engine = keyof EngineOptions;
export type Tool = "chromium" | "openssl" | "kubernetesValidate" | "dockerCompose";
/** "own sql": a server that the suite starts (and kills) itself, so one that was lent by its URL does not do. */
export type Need = Engine | `own ${Engine}` | Tool;

interface EngineEntry {
	missing(): string | undefined;
	recipe(options: object): Recipe;
	/** The variable that lends a server. */
	variable?: string;
}

const notFound = (program: string) => () => (findProgram(program) ? undefined : `no ${program} was found (scripts/test-engines.sh)`);

const engines: Record<Engine, EngineEntry> = {
	nats: { missing: notFound("nats-server"), recipe: natsRecipe, variable: "STOA_TEST_NATS_URL" },
	sql: { missing: missingMariadb, recipe: mariadbRecipe, variable: "STOA_TEST_SQL_URL" },
	mongo: { missing: missingMongo, recipe: mongoRecipe, variable: "STOA_TEST_MONGO_URL" },
	redis: { missing: notFound("redis-server"), recipe: redisRecipe, variable: "STOA_TEST_REDIS_URL" },
	toxiproxy: { missing: notFound("toxiproxy-server"), recipe: toxiproxyRecipe },
	stripeMock: { missing: notFound("stripe-mock"), recipe: stripeMockRecipe },
	localstripe: { missing: missingLocalstripe, recipe: localstripeRecipe },
};

const tools: Record<Tool, () => string | undefined> = {
	chromium: findChromium,
	openssl: () => findProgram("openssl"),
	kubernetesValidate: () => [path.join(enginesFolder, "kubernetes-validate/bin/kubernetes-validate")].find(isProgram),
	dockerCompose: () => findProgram("docker-compose"),
};

const isTool = (need: Need): need is Tool => Object.hasOwn(tools, need);

export const toolPath = (tool: Tool): string | undefined => tools[tool]();

/** What every node of a mesh needs. */
export const meshNeeds: readonly Engine[] = ["nats", "sql", "mongo", "redis"];

/** Why nothing can run as a mesh here, or undefined. */
export const missingForMesh = (): string | undefined => meshNeeds.map(need => missing(need)).find(Boolean);

/** Why a suite that needs it must be skipped, or undefined. */
export function missing(need: Need): string | undefined {
	if (isTool(need)) return toolPath(need) ? undefined : `no ${need} was found (scripts/test-engines.sh)`;
	if (need.startsWith("own ")) return engines[need.slice("own ".length) as Engine].missing();
	return lent(need as Engine) ? undefined : engines[need as Engine].missing();
}

/** A server of one's own on a free port. */
export async function startServer<E extends Engine>(engine: E, options: EngineOptions[E] = {}): Promise<TestServer> {
	const absent = engines[engine].missing();
	if (absent) throw new Error(`${engine} cannot be started: ${absent}.`);
	return runServer(engine, engines[engine].recipe(options));
}

function lent(engine: Engine): string | undefined {
	const { variable } = engines[engine];
	return (variable && process.env[variable]) || undefined;
}

/** The URL of the server that was lent, or of one for the whole run: everybody keeps to a namespace of his own on it. */
export async function sharedServer(engine: Engine): Promise<string> {
	const given = lent(engine);
	if (given) return given;
	const desk = process.env.STOA_TEST_SERVERS;
	// Outside of Jest (a program) the process is the whole run.
	if (!desk) return (await startedHere(engine)).url;
	const answer = await fetch(new URL(engine, desk));
	const text = await answer.text();
	if (!answer.ok) throw new Error(text);
	return text;
}

const started = new Map<Engine, Promise<TestServer>>();

/** One of each engine in this process, started at the first question. */
export function startedHere(engine: Engine): Promise<TestServer> {
	const known = started.get(engine);
	if (known) return known;
	const starting = startServer(engine);
	started.set(engine, starting);
	return starting;
}

/** Ends what `startedHere` started. */
export async function removeStartedHere(): Promise<void> {
	const servers = await Promise.allSettled(started.values());
	started.clear();
	await Promise.all(servers.map(server => (server.status === "fulfilled" ? server.value.remove() : undefined)));
}
