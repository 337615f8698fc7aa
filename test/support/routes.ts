// Every route of the house as its contract declares it, with a path and a body that are right by form and name nothing that exists.
import path from "node:path";
import type { TSchema } from "typebox";
import { loadContracts } from "../../lib/catalogue.ts";
import type { ActionContract, Allow, Route } from "../../lib/contract.ts";
import { sampleOf } from "./samples.ts";

export interface RouteUnderTest {
	/** `POST /v1/carts/:id/checkout` */
	title: string;
	contract: ActionContract;
	rest: Route;
	allow: Exclude<Allow, "internal">;
	/** With an id of the right kind that nothing has. */
	path: string;
	/** Fields of the body, or of the query for GET and DELETE. */
	fields: Readonly<Record<string, TSchema>>;
	hasBody: boolean;
}

const root = path.resolve(import.meta.dirname, "../../services");

function underTest(contract: ActionContract): RouteUnderTest {
	const rest = contract.rest!;
	const properties = contract.params.properties as Record<string, TSchema>;
	const inPath = [...rest.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name!);
	const fields = Object.fromEntries(Object.entries(properties).filter(([name]) => !inPath.includes(name)));
	return {
		title: `${rest.method} ${rest.path}`,
		contract,
		rest,
		allow: contract.allow as RouteUnderTest["allow"],
		path: rest.path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(String(sampleOf(properties[name]!)))),
		fields,
		hasBody: rest.method !== "GET" && rest.method !== "DELETE",
	};
}

/** By path, then by method. */
export async function allRoutes(): Promise<RouteUnderTest[]> {
	const { actions } = await loadContracts(root);
	const routes = [...actions.values()].filter(({ rest }) => rest).map(underTest);
	return routes.sort((one, other) => one.rest.path.localeCompare(other.rest.path) || one.title.localeCompare(other.title));
}
