// Who may speak to whom in Kubernetes: the policies as data, asked whether a pod may open a connection to another.
import { describe, expect, it } from "@jest/globals";
import { domains, type Manifest, ofKind, workloads } from "./manifests.ts";

interface Peer {
	podSelector?: { matchLabels?: Record<string, string> };
	namespaceSelector?: { matchLabels: Record<string, string> };
	ipBlock?: { cidr: string; except?: string[] };
}
interface Rule {
	from?: Peer[];
	to?: Peer[];
	ports?: { protocol: string; port: number | string }[];
}

const policies = ofKind("NetworkPolicy");
const labelsOf = (name: string) => workloads.find(workload => workload.name === name)!.template.metadata.labels;
const selects = (selector: Peer["podSelector"], labels: Record<string, string>) =>
	Object.entries(selector?.matchLabels ?? {}).every(([label, value]) => labels[label] === value);
const policiesOf = (name: string, type: string) =>
	policies.filter(({ spec }) => spec?.policyTypes?.includes(type) && selects(spec.podSelector, labelsOf(name)));
const rules = (found: Manifest[], side: "ingress" | "egress") => found.flatMap(({ spec }) => (spec?.[side] ?? []) as Rule[]);

/** Whether a pod of the first workload may connect to a port of the second: both sides have to allow it. */
function may(from: string, to: string, port: number): boolean {
	const open = ({ ports }: Rule) => (ports ?? []).some(allowed => allowed.port === port);
	const leaves = rules(policiesOf(from, "Egress"), "egress").some(
		rule => open(rule) && rule.to?.some(peer => peer.podSelector && !peer.namespaceSelector && selects(peer.podSelector, labelsOf(to))),
	);
	const enters = rules(policiesOf(to, "Ingress"), "ingress").some(
		rule => open(rule) && rule.from?.some(peer => peer.podSelector && !peer.namespaceSelector && selects(peer.podSelector, labelsOf(from))),
	);
	return leaves && enters;
}

const nodes = workloads.filter(({ manifest }) => manifest.kind === "Deployment");
const server = {
	nats: ["stoa-nats", 4222],
	sql: ["stoa-mysql", 3306],
	documents: ["stoa-mongo", 27017],
	redis: ["stoa-redis", 6379],
} as const;

describe("the network", () => {
	it("is closed to everybody in both directions unless a policy says otherwise", () => {
		const [closed] = policies.filter(({ metadata }) => metadata.name === "stoa-default-deny");
		expect(closed!.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
	});

	it("lets everybody ask for names", () => {
		for (const { name } of workloads) {
			const ports = rules(policiesOf(name, "Egress"), "egress").flatMap(rule => rule.ports ?? []);
			expect(ports).toEqual(expect.arrayContaining([{ protocol: "UDP", port: 53 }]));
		}
	});

	it.each(nodes)("$name reaches NATS, Redis, and the stores that its services have, and no other", ({ name, manifest }) => {
		const domain = domains.find(found => found.name === manifest.metadata.labels["stoa/domain"])!;
		expect(may(name, ...server.nats)).toBe(true);
		expect(may(name, ...server.redis)).toBe(true);
		expect(may(name, ...server.sql)).toBe(domain.sql);
		expect(may(name, ...server.documents)).toBe(domain.documents);
	});

	it("lets migrations reach the database and nothing else, and the operator only the mesh", () => {
		const job = workloads.find(({ manifest }) => manifest.kind === "Job")!.name;
		const reached = (name: string) =>
			Object.values(server)
				.filter(([to, port]) => may(name, to, port))
				.map(([to]) => to);
		expect(reached(job)).toEqual(["stoa-mysql"]);
		expect(reached("stoa-operator")).toEqual(["stoa-nats"]);
	});

	it("lets no node speak to another but over NATS", () => {
		for (const from of nodes) for (const to of nodes) for (const port of [3000, 3030]) expect(may(from.name, to.name, port)).toBe(false);
	});

	it("lets the servers of NATS find each other, and nobody else join them", () => {
		expect(may("stoa-nats", "stoa-nats", 6222)).toBe(true);
		for (const { name } of nodes) expect(may(name, "stoa-nats", 6222)).toBe(false);
	});

	it("lets the Ingress controller into the gateway only", () => {
		const fromOutside = policies.filter(({ spec }) => JSON.stringify(spec?.ingress ?? []).includes("ingress-nginx"));
		expect(fromOutside.map(({ spec }) => spec!.podSelector!.matchLabels)).toEqual([{ "app.kubernetes.io/name": "stoa-gateway" }]);
		expect((fromOutside[0]!.spec!.ingress as Rule[])[0]!.ports).toEqual([{ protocol: "TCP", port: "http" }]);
	});

	it("opens the operations port to the monitoring only", () => {
		const opened = policies.filter(({ spec }) =>
			(spec?.ingress as Rule[] | undefined)?.some(rule => rule.ports?.some(p => p.port === "operations")),
		);
		expect(opened).toHaveLength(1);
		const [rule] = opened[0]!.spec!.ingress as [Rule];
		expect(rule.from).toEqual([{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }]);
	});

	it("lets out those that speak to a provider, and never to what lies inside", () => {
		const out = policies.filter(({ spec }) => JSON.stringify(spec?.egress ?? []).includes("ipBlock"));
		const outside = nodes.filter(({ name }) => out.some(policy => policiesOf(name, "Egress").includes(policy))).map(({ name }) => name);
		expect(outside).toEqual(["stoa-commerce", "stoa-notification"]);
		for (const { spec } of out) {
			for (const { to } of spec!.egress as Rule[])
				expect(to![0]!.ipBlock!.except).toEqual(expect.arrayContaining(["10.0.0.0/8", "169.254.0.0/16"]));
		}
	});
});

describe("the way in", () => {
	it("is encrypted, leads to the gateway, and to no operations port", () => {
		const [ingress] = ofKind("Ingress");
		const hosts = ingress!.spec!.rules!.map(({ host }) => host);
		expect(ingress!.spec!.tls!.flatMap(tls => tls.hosts)).toEqual(hosts);
		const backends = ingress!.spec!.rules!.flatMap(rule => rule.http.paths.map(({ backend }) => backend.service));
		expect(backends).toEqual([{ name: "stoa-gateway", port: { name: "http" } }]);
		const ports = ofKind("Service").flatMap(({ spec }) => spec?.ports ?? []);
		expect(ports.filter(({ port, targetPort }) => port === 3030 || targetPort === "operations")).toEqual([]);
	});
});
