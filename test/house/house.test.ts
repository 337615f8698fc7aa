// The rules of the house that a reviewer should not have to remember: doors, rooms, names, sizes, cycles, documentation.
import fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { type Catalogue, loadContracts } from "../../lib/catalogue.ts";

const root = path.resolve(import.meta.dirname, "../..");
const areas = ["lib", "mixins", "middlewares", "services", "scripts", "test", "bench"];

const files = areas
	.flatMap(area =>
		fs
			.readdirSync(path.join(root, area), { recursive: true, encoding: "utf8" })
			.map(file => path.posix.join(area, file.split(path.sep).join("/"))),
	)
	.filter(file => file.endsWith(".ts"))
	.sort();
const sourceOf = (file: string) => fs.readFileSync(path.join(root, file), "utf8");

interface Import {
	from: string;
	to: string;
	typeOnly: boolean;
}

/** Relative imports of a file, resolved. */
function importsOf(file: string): Import[] {
	const found = sourceOf(file).matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)";/gms);
	return [...found].map(([, type, target]) => ({
		from: file,
		to: path.posix.join(path.posix.dirname(file), target!),
		typeOnly: type !== undefined,
	}));
}

const imports = files.flatMap(importsOf);
const isTest = (file: string) => file.endsWith(".test.ts") || file.endsWith(".suite.ts") || file.startsWith("test/");
/** `services/commerce/orders/actions/cancel.ts` → `services/commerce/orders`. */
const serviceOf = (file: string) => /^services\/[^/]+\/[^/]+/.exec(file)?.[0];
const services = [...new Set(files.map(serviceOf).filter(service => service !== undefined))];

describe("doors", () => {
	it("a service is entered through its contract only", () => {
		const broken = imports.filter(({ from, to }) => {
			const entered = serviceOf(to);
			// A benchmark measures what lies in a room, and a script operates it; neither is a service.
			const isGuest = isTest(from) || from.startsWith("scripts/") || from.startsWith("bench/");
			return entered && entered !== serviceOf(from) && !to.endsWith(".contract.ts") && !isGuest;
		});
		expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});

	it("a contract imports TypeBox, lib and other contracts, nothing else", () => {
		const contracts = files.filter(file => file.endsWith(".contract.ts"));
		const broken = contracts.flatMap(file => {
			const packages = [...sourceOf(file).matchAll(/from "([^."][^"]*)"/g)].map(([, name]) => name!).filter(name => name !== "typebox");
			const inside = importsOf(file)
				.filter(({ to }) => !to.startsWith("lib/") && !to.endsWith(".contract.ts"))
				.map(({ to }) => to);
			return [...packages, ...inside].map(name => `${file} → ${name}`);
		});
		expect(broken).toEqual([]);
	});

	it("lib knows no service, mixin or middleware", () => {
		const broken = imports.filter(
			({ from, to, typeOnly }) => from.startsWith("lib/") && !isTest(from) && !typeOnly && !to.startsWith("lib/"),
		);
		expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
	});
});

describe("rooms", () => {
	const rooms = /^(README\.md|[a-z-]+\.saga\.ts|[a-z-]+(\.[a-z-]+)?(\.test|\.suite)?\.ts)$/;
	const folders = ["migrations", "providers", "channels", "templates", "projections", "actions", "rules", "counters", "desk", "backtest"];

	it.each(services)("%s has a README, a contract and a service, and no room of another name", service => {
		const name = path.posix.basename(service);
		const entries = fs.readdirSync(path.join(root, service), { withFileTypes: true });
		const names = entries.filter(entry => entry.isFile()).map(entry => entry.name);
		expect(names).toEqual(expect.arrayContaining(["README.md", `${name}.contract.ts`, `${name}.service.ts`]));
		expect(names.filter(file => !rooms.test(file))).toEqual([]);
		expect(entries.filter(entry => entry.isDirectory() && !folders.includes(entry.name)).map(entry => entry.name)).toEqual([]);
	});

	it.each(services)("the README of %s is one screen", service => {
		expect(sourceOf(`${service}/README.md`).split("\n").length).toBeLessThanOrEqual(60);
	});
});

describe("names and sizes", () => {
	it("no file hides behind utils, common, helpers or a re-exporting index", () => {
		expect(files.filter(file => /(^|\/)(utils|common|helpers|index)\b/.test(file))).toEqual([]);
	});

	it("no file passes 300 lines", () => {
		const long = files.map(file => ({ file, lines: sourceOf(file).split("\n").length - 1 })).filter(({ lines }) => lines > 300);
		// A contract that lists a whole service's surface, and a test that lists its cases, may run longer: splitting them would hide the list.
		expect(long.filter(({ file, lines }) => !(lines <= 450 && (file.endsWith(".contract.ts") || isTest(file))))).toEqual([]);
	});

	it("no import runs in a circle", () => {
		const edges = new Map<string, string[]>();
		for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
		const state = new Map<string, "open" | "done">();
		const circles: string[] = [];
		const visit = (file: string, trail: string[]): void => {
			if (state.get(file) === "done") return;
			if (state.get(file) === "open") {
				circles.push([...trail.slice(trail.indexOf(file)), file].join(" → "));
				return;
			}
			state.set(file, "open");
			for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
			state.set(file, "done");
		};
		for (const file of files) visit(file, []);
		expect(circles).toEqual([]);
	});
});

describe("contracts", () => {
	let catalogue: Catalogue;
	beforeAll(async () => {
		// Refuses by itself two failures of one code, two actions of one name and two of one route.
		catalogue = await loadContracts(path.join(root, "services"));
	});

	it("every action and event says in a sentence what it is", () => {
		const silent = [...catalogue.actions.values(), ...catalogue.events.values()].filter(({ summary }) => !/^[A-Z].{8,}\.$/s.test(summary));
		expect(silent.map(({ name }) => name)).toEqual([]);
	});

	it("every failure code is snake_case", () => {
		expect([...catalogue.failures.keys()].filter(code => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([]);
	});

	it("every event belongs to the service whose contract declares it", () => {
		const names = new Set(services.map(service => path.posix.basename(service)));
		expect([...catalogue.events.keys()].filter(name => !names.has(name.split(".")[0]!))).toEqual([]);
	});

	it("no durable fact carries an email, a name, an address or a token", () => {
		const personal = /^(email|name|address|line1|city|postalCode|ip|token|password|number4|cardNumber)$/i;
		const leaks = [...catalogue.events.values()].flatMap(event =>
			event.delivery === "durable"
				? Object.keys(event.payload.properties).flatMap(field => (personal.test(field) ? [`${event.name}.${field}`] : []))
				: [],
		);
		expect(leaks).toEqual([]);
	});

	it("a POST that is safe to repeat or moves nothing needs no key, every other route says how it is protected", () => {
		const moving = [...catalogue.actions.values()].filter(
			({ rest }) => rest?.method === "POST" && /\/(checkout|cancel|capture|refunds|adjustments)$/.test(rest.path),
		);
		expect(moving.filter(({ rest }) => rest?.idempotencyKey !== "required").map(({ name }) => name)).toEqual([]);
	});

	it("a POST that makes something says where it is read", () => {
		const made = [...catalogue.actions.values()].filter(({ rest }) => rest?.method === "POST" && rest.status === 201);
		// A sandbox token is not read again: it is handed to a checkout.
		expect(made.filter(({ rest }) => rest?.location === undefined).map(({ name }) => name)).toEqual(["payments.createToken"]);
		const readable = new Set(
			[...catalogue.actions.values()].flatMap(({ rest }) => (rest?.method === "GET" ? [rest.path.replaceAll(/:[A-Za-z]+/g, "*")] : [])),
		);
		const places = made.flatMap(({ rest }) => (rest?.location ? [rest.location.replaceAll(/\{[^}]+\}/g, "*")] : []));
		expect(places.filter(place => !readable.has(place))).toEqual([]);
	});
});
