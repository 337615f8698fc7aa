// What a change makes necessary: which suites to run and which images to build. In doubt more, because a suite that was left out proves nothing.
import path from "node:path";
import { type Tree, whoReaches } from "./tree.ts";

export interface Plan {
	/** Everything is to be tested and built: the change is in what every service stands on. */
	everything: boolean;
	/** `domain/service`, of which something changed or whose contract imports one that did. */
	services: string[];
	/** Folders under services/ whose image is another than before. */
	domains: string[];
	/** What to hand to `npm test --`, in groups that may run beside each other. */
	suites: { name: string; paths: string[] }[];
}

/** What every service stands on. */
const foundation = /^(lib|mixins|middlewares)\/|^(package(-lock)?\.json|moleculer\.config\.ts|\.github\/.*)$/;
const foundationOfTests = /^(test\/support\/.*|tsconfig\.json|jest\.config\.js|scripts\/(test\.ts|test-engines\.sh|affected(\/.*|\.ts)))$/;
/** Every node runs these, whichever services it has. */
const foundationOfNodes = /^(scripts\/(start|seed)(\/.*|\.ts)|scripts\/migrate(\/.*|\.ts)|scripts\/healthcheck\.ts)$/;
const packaging = /^(Dockerfile|\.dockerignore|docker-compose\.yml|k8s\.yaml|deploy\/.*|test\/packaging\/.*)$/;
/** Read by people only. */
const prose = /(\.md|^LICENSE|^\.gitignore|^biome\.json|^docs\/.*)$/;

const isTest = (file: string) => /\.(test|suite)\.ts$/.test(file) || file.startsWith("test/");
const serviceOf = (file: string) => /^services\/([^/]+\/[^/]+)\//.exec(file)?.[1];
const isContract = (file: string) => file.endsWith(".contract.ts");
const sorted = (names: Iterable<string>) => [...new Set(names)].sort();
const domainOf = (service: string) => service.split("/")[0]!;

function everyService(tree: Tree): string[] {
	return sorted(tree.files.flatMap(file => serviceOf(file) ?? []));
}

function everything(tree: Tree): Plan {
	const services = everyService(tree);
	const areas = sorted(tree.files.filter(file => file.endsWith(".test.ts")).map(file => file.split("/")[0]!));
	const shared = areas.filter(area => area !== "services" && area !== "test");
	const inTest = sorted(tree.files.filter(file => /^test\/.*\.test\.ts$/.test(file)).map(file => file.split("/").slice(0, 2).join("/")));
	return {
		everything: true,
		services,
		domains: sorted(services.map(domainOf)),
		suites: [
			{ name: "foundation", paths: shared },
			...services.map(service => ({ name: service, paths: [`services/${service}`] })),
			...inTest.map(folder => ({ name: folder, paths: [folder] })),
		],
	};
}

/** Services that import the contract of one that changed, through other contracts too. */
function dependants(tree: Tree, changed: readonly string[]): string[] {
	const contracts = tree.files.filter(file => isContract(file) && changed.includes(serviceOf(file)!));
	const product = { ...tree, imports: new Map([...tree.imports].filter(([file]) => !isTest(file))) };
	return sorted([...whoReaches(product, contracts)].flatMap(file => serviceOf(file) ?? []));
}

/** Suites under test/ and beside what is no service: the journeys for any change of the product, the others where an import leads to the change. */
function suitesAround(tree: Tree, changed: readonly string[], touched: readonly string[]): Plan["suites"] {
	const own = tree.files.filter(file => touched.includes(serviceOf(file)!) && !isTest(file));
	const reached = whoReaches(tree, [...changed, ...own]);
	// A program and what it is made of: its tests may start it, and no import leads there.
	const programs = sorted(changed.flatMap(file => /^scripts\/[^/.]+/.exec(file)?.[0] ?? []));
	const beside = tree.files.filter(file => programs.some(program => file.startsWith(`${program}/`)));
	const outside = sorted([...reached, ...beside]).filter(file => file.endsWith(".test.ts") && !serviceOf(file));
	// Journeys and crash lanes run the product whole and name its services in strings, so no import leads from them to what they test.
	const whole = touched.length > 0 ? ["test/journeys", "test/chaos", "test/packaging"] : [];
	const inWhole = (file: string) => whole.some(folder => file.startsWith(`${folder}/`));
	const byFolder = Map.groupBy(
		outside.filter(file => !inWhole(file)),
		file => path.posix.dirname(file),
	);
	return [
		...whole.map(folder => ({ name: folder, paths: [folder] })),
		...[...byFolder].map(([folder, paths]) => ({ name: folder, paths: paths.sort() })),
	].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The plan of a change, given as file names relative to the root. */
export function planFor(changed: readonly string[], tree: Tree): Plan {
	const files = changed.filter(file => !prose.test(file));
	const known = (file: string) => packaging.test(file) || tree.files.includes(file) || serviceOf(file) !== undefined || isTest(file);
	// A file that nobody thought of may matter to anybody.
	const touchesAll = (file: string) =>
		(foundation.test(file) && !isTest(file)) || foundationOfTests.test(file) || foundationOfNodes.test(file) || !known(file);
	if (files.some(touchesAll)) return everything(tree);

	const product = sorted(files.filter(file => !isTest(file)).flatMap(file => serviceOf(file) ?? []));
	const touched = sorted([...product, ...dependants(tree, product)]);
	const changedContracts = files.some(isContract);
	// The middlewares speak to identity through its contracts: what every call passes through has changed with them.
	if (changedContracts && [...whoReaches(tree, files.filter(isContract))].some(file => foundation.test(file) && !isTest(file)))
		return everything(tree);

	const tested = sorted([...touched, ...files.flatMap(file => serviceOf(file) ?? [])]);
	const rebuilt = changedContracts
		? // The gateway makes its routes from every contract, whether it imports it or not.
			[...touched.map(domainOf), "edge"]
		: product.map(domainOf);
	const image = files.includes("Dockerfile") || files.includes(".dockerignore");
	return {
		everything: false,
		services: tested,
		domains: image ? sorted(everyService(tree).map(domainOf)) : sorted(rebuilt),
		suites: [
			...tested.map(service => ({ name: service, paths: [`services/${service}`] })),
			...suitesAround(tree, files, touched),
			...(files.some(file => packaging.test(file)) && touched.length === 0 ? [{ name: "test/packaging", paths: ["test/packaging"] }] : []),
		],
	};
}
