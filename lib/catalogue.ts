// All that the house may be asked, tells and refuses with: collected from the contracts, so that no list of it is kept by hand.
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionContract, EventContract } from "./contract.ts";
import * as houseFailures from "./failure.ts";
import * as keyFailures from "./idempotency.ts";

/** A failure as it was declared, whatever data its sentence is made of. */
export type DeclaredFailure = Pick<houseFailures.FailureType<never>, "code" | "kind" | "expose">;

/** By name, and failures by code; in that order. */
export interface Catalogue {
	readonly actions: ReadonlyMap<string, ActionContract>;
	readonly events: ReadonlyMap<string, EventContract>;
	readonly failures: ReadonlyMap<string, DeclaredFailure>;
}

/** A contract that cannot stand beside the others. The message names both places. */
export class CatalogueError extends Error {
	override name = "CatalogueError";
}

/** What a module exports, with the name it goes by in messages. */
export interface ContractModule {
	from: string;
	exports: Readonly<Record<string, unknown>>;
}

const hasKind = (value: unknown, kind: string) =>
	typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === kind;
const isAction = (value: unknown): value is ActionContract => hasKind(value, "action") && "params" in (value as object);
const isEvent = (value: unknown): value is EventContract => hasKind(value, "event") && "payload" in (value as object);
const isDeclaredFailure = (value: unknown): value is DeclaredFailure =>
	typeof value === "function" &&
	typeof (value as Partial<DeclaredFailure>).code === "string" &&
	typeof (value as Partial<DeclaredFailure>).kind === "string";

/** Keeps what was declared under each name. The same thing may be seen twice (exported again, or thrown by several actions), two things may not. */
class Shelf<Declared> {
	readonly #what: string;
	readonly #kept = new Map<string, { declared: Declared; from: string }>();

	constructor(what: string) {
		this.#what = what;
	}

	add(name: string, declared: Declared, from: string): void {
		const known = this.#kept.get(name);
		if (known && known.declared !== declared)
			throw new CatalogueError(
				`The ${this.#what} ${name} is declared twice, in ${known.from} and in ${from}. Import the one, or choose another name.`,
			);
		if (!known) this.#kept.set(name, { declared, from });
	}

	sorted(): ReadonlyMap<string, Declared> {
		const names = [...this.#kept.keys()].sort();
		return new Map(names.map(name => [name, this.#kept.get(name)!.declared]));
	}
}

/** Two paths that differ in the names of their fields only are one to a client. */
const shapeOf = ({ method, path }: NonNullable<ActionContract["rest"]>) => `${method} ${path.replaceAll(/:[A-Za-z]+/g, ":")}`;

/** Collects the actions, events and failures that the modules export. Throws a {@link CatalogueError} when two share a name, a code or a route. */
export function catalogueOf(modules: Iterable<ContractModule>): Catalogue {
	const actions = new Shelf<ActionContract>("action");
	const events = new Shelf<EventContract>("event");
	const failures = new Shelf<DeclaredFailure>("failure");
	const routes = new Shelf<ActionContract>("route");
	for (const { from, exports } of modules) {
		for (const exported of Object.values(exports)) {
			if (isEvent(exported)) events.add(exported.name, exported, from);
			if (isDeclaredFailure(exported)) failures.add(exported.code, exported, from);
			if (!isAction(exported)) continue;
			if (!exported.allow) throw new CatalogueError(`${exported.name} in ${from} does not say who may call it (allow).`);
			actions.add(exported.name, exported, from);
			if (exported.rest) routes.add(shapeOf(exported.rest), exported, from);
			for (const thrown of exported.throws) failures.add(thrown.code, thrown, from);
		}
	}
	return { actions: actions.sorted(), events: events.sorted(), failures: failures.sorted() };
}

/** The failures that belong to no single service. */
export const libraryModules: readonly ContractModule[] = [
	{ from: "lib/failure.ts", exports: houseFailures },
	{ from: "lib/idempotency.ts", exports: keyFailures },
];

/** Imports every contract below `root` (the `services` folder), whether or not its service runs on this node. Throws a {@link CatalogueError}. */
export async function loadContracts(root: string): Promise<Catalogue> {
	const files = readdirSync(root, { recursive: true, encoding: "utf8" })
		.filter(file => file.endsWith(".contract.ts"))
		.sort();
	const modules = files.map(async file => ({
		from: file.split(path.sep).join("/"),
		exports: (await import(pathToFileURL(path.join(root, file)).href)) as Record<string, unknown>,
	}));
	return catalogueOf([...libraryModules, ...(await Promise.all(modules))]);
}
