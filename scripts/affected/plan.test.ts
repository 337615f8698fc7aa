import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { planFor } from "./plan.ts";
import { readTree, type Tree, whoReaches } from "./tree.ts";

/** A small house: carts asks products, notifications hears carts, the middlewares know identity, everybody stands on lib. */
const imports: Record<string, string[]> = {
	"lib/money.ts": [],
	"lib/money.test.ts": ["lib/money.ts"],
	"middlewares/authorize.ts": ["services/identity/authentication/authentication.contract.ts"],
	"services/identity/authentication/authentication.contract.ts": ["lib/money.ts"],
	"services/identity/authentication/authentication.store.ts": [],
	"services/commerce/products/products.contract.ts": ["lib/money.ts"],
	"services/commerce/products/products.service.ts": ["services/commerce/products/products.contract.ts"],
	"services/commerce/carts/carts.contract.ts": ["services/commerce/products/products.contract.ts"],
	"services/commerce/carts/carts.service.ts": ["services/commerce/carts/carts.contract.ts"],
	"services/commerce/carts/carts.test.ts": ["services/commerce/carts/carts.service.ts"],
	"services/notification/notifications/notifications.service.ts": ["services/commerce/carts/carts.contract.ts"],
	"services/platform/audit/audit.service.ts": [],
	"services/platform/audit/audit.test.ts": ["services/commerce/carts/carts.contract.ts"],
	"services/edge/gateway/gateway.service.ts": [],
	"scripts/repl/table.ts": [],
	"scripts/repl/repl.test.ts": ["scripts/repl/table.ts"],
	"scripts/repl.ts": ["scripts/repl/table.ts"],
	"test/journeys/first-order.test.ts": [],
	"test/conformance/carts.suite.ts": ["services/commerce/carts/carts.service.ts"],
	"test/conformance/carts.test.ts": ["test/conformance/carts.suite.ts"],
	"test/conformance/sql.test.ts": ["lib/money.ts"],
	"test/packaging/compose.test.ts": [],
};
const house: Tree = { files: Object.keys(imports), imports: new Map(Object.entries(imports)) };
const plan = (...files: string[]) => planFor(files, house);
const suites = (...files: string[]) => plan(...files).suites.map(({ name }) => name);

describe("a change inside of a service", () => {
	it("runs its suites, the journeys, and what an import leads from", () => {
		expect(suites("services/commerce/carts/carts.service.ts")).toEqual([
			"commerce/carts",
			"notification/notifications",
			"test/chaos",
			"test/conformance",
			"test/journeys",
			"test/packaging",
		]);
		const conformance = plan("services/commerce/carts/carts.service.ts").suites.find(({ name }) => name === "test/conformance");
		expect(conformance?.paths).toEqual(["test/conformance/carts.test.ts"]);
	});

	it("builds the image of its domain only", () => {
		expect(plan("services/commerce/carts/carts.service.ts").domains).toEqual(["commerce"]);
	});

	it("leaves out services that know it from their tests only", () => {
		expect(plan("services/commerce/carts/carts.service.ts").services).not.toContain("platform/audit");
	});

	it("of one that nobody imports runs that one", () => {
		expect(plan("services/platform/audit/audit.service.ts").services).toEqual(["platform/audit"]);
	});
});

describe("a change of a contract", () => {
	it("reaches those that import it through another contract", () => {
		const { services, domains } = plan("services/commerce/products/products.contract.ts");
		expect(services).toEqual(["commerce/carts", "commerce/products", "notification/notifications"]);
		// The gateway's routes come from every contract.
		expect(domains).toEqual(["commerce", "edge", "notification"]);
	});

	it("that the middlewares stand on is a change of everything", () => {
		expect(plan("services/identity/authentication/authentication.contract.ts").everything).toBe(true);
		expect(plan("services/identity/authentication/authentication.store.ts").everything).toBe(false);
	});
});

describe("a change of what everybody stands on", () => {
	it.each([
		"lib/money.ts",
		"mixins/sql-store.ts",
		"middlewares/authorize.ts",
		"package-lock.json",
		"moleculer.config.ts",
		"jest.config.js",
		"test/support/stoa.ts",
		"scripts/start/node.ts",
		"scripts/migrate.ts",
		".github/workflows/ci.yml",
		"something/nobody/thought.of",
	])("%s: runs and builds everything", file => {
		const { everything, services, domains, suites } = plan(file);
		expect({ everything, domains }).toEqual({ everything: true, domains: ["commerce", "edge", "identity", "notification", "platform"] });
		expect(services).toHaveLength(6);
		expect(suites.map(({ name }) => name)).toEqual(
			expect.arrayContaining(["foundation", "test/journeys", "test/conformance", "commerce/carts"]),
		);
	});
});

describe("a change of tests, papers and programs", () => {
	it("a test runs itself and builds nothing", () => {
		expect(plan("lib/money.test.ts")).toEqual({
			everything: false,
			services: [],
			domains: [],
			suites: [{ name: "lib", paths: ["lib/money.test.ts"] }],
		});
		expect(plan("services/commerce/carts/carts.test.ts")).toMatchObject({ services: ["commerce/carts"], domains: [] });
		expect(plan("test/conformance/carts.suite.ts").suites).toEqual([
			{ name: "test/conformance", paths: ["test/conformance/carts.test.ts"] },
		]);
	});

	it("papers run nothing", () => {
		expect(suites("README.md", "docs/openapi.json", "services/commerce/carts/README.md")).toEqual([]);
	});

	it("a program runs its own tests", () => {
		expect(suites("scripts/repl.ts")).toEqual(["scripts/repl"]);
	});

	it("manifests run the packaging's tests; the Dockerfile builds every image too", () => {
		expect(plan("k8s.yaml", "deploy/nats.conf")).toMatchObject({ domains: [], suites: [{ name: "test/packaging" }] });
		expect(plan("Dockerfile")).toMatchObject({ domains: ["commerce", "edge", "identity", "notification", "platform"] });
	});

	it("a file that was taken away counts as it did before", () => {
		expect(plan("services/platform/audit/audit.gone.ts").services).toEqual(["platform/audit"]);
		expect(plan("lib/gone.ts").everything).toBe(true);
	});
});

describe("the tree of this very house", () => {
	const tree = readTree(path.resolve(import.meta.dirname, "../.."));

	it("is read with its imports, of types and at run time too", () => {
		expect(tree.imports.get("scripts/affected/plan.ts")).toEqual(["scripts/affected/tree.ts"]);
		expect(tree.imports.get("scripts/start.ts")).toContain("scripts/start/node.ts");
		const dangling = [...tree.imports].flatMap(([file, to]) =>
			to.filter(target => target.endsWith(".ts") && !tree.files.includes(target)).map(target => `${file} → ${target}`),
		);
		expect(dangling.filter(text => !text.includes(".test.ts →"))).toEqual([]);
	});

	it("says that orders are known to notifications, and that lib is known to all", () => {
		expect(planFor(["services/commerce/orders/orders.store.ts"], tree).services).toContain("notification/notifications");
		expect([...whoReaches(tree, ["lib/contract.ts"])].filter(file => file.endsWith(".contract.ts")).length).toBeGreaterThan(8);
	});
});
