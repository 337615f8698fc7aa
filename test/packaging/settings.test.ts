// What each node is told: names that the product knows, everything that it demands, nothing that it has no use for. Over compose and Kubernetes.
import { describe, expect, it } from "@jest/globals";
import { type Config, readConfig } from "../../lib/config.ts";
import { makeSecrets } from "../../scripts/secrets/secrets.ts";
import {
	compose,
	composeEnvironment,
	composeNodes,
	containerEnvironment,
	domains,
	isOurs,
	knownVariables,
	manifests,
	ofKind,
	read,
	workloads,
} from "./manifests.ts";

type Environment = Record<string, string>;

interface Node {
	title: string;
	/** What it sees, or undefined when it would not even be started. */
	environment(secrets: Environment): Environment | undefined;
}

const asked = { admin: "you@shop.example", payments: "sandbox" } as const;
const given = {
	compose: makeSecrets({ ...asked, target: "compose" }),
	kubernetes: makeSecrets({ ...asked, target: "kubernetes" }),
};

const inCompose: Node[] = composeNodes.map(([name, service]) => ({
	title: `compose ${name}`,
	environment: secrets => composeEnvironment(service, secrets),
}));
const inKubernetes: Node[] = workloads.flatMap(({ name, pod }) =>
	pod.containers.filter(isOurs).map(container => ({
		title: `Kubernetes ${name}`,
		environment: (secrets: Environment) => {
			const env = containerEnvironment(container, secrets);
			// The shop's owner has chosen.
			return env && ("STOA_PAYMENTS" in env ? { ...env, STOA_PAYMENTS: env.STOA_PAYMENTS || asked.payments } : env);
		},
	})),
);
const nodes = [
	...inCompose.map(node => ({ ...node, secrets: given.compose })),
	...inKubernetes.map(node => ({ ...node, secrets: given.kubernetes })),
];
/** As the image has it, unless the manifest says something else. */
const started = (env: Environment) => readConfig({ NODE_ENV: "production", ...env });
const services = nodes.filter(({ environment, secrets }) => environment(secrets)?.NODE_ENV === undefined);

describe("every variable of a node", () => {
	it.each(nodes)("$title: is one that lib/config.ts reads", ({ environment, secrets }) => {
		expect(Object.keys(environment(secrets)!).filter(name => !knownVariables.has(name))).toEqual([]);
	});

	it("of the ConfigMaps too, each of which somebody reads", () => {
		const settings = ofKind("ConfigMap").filter(({ metadata }) => metadata.name !== "stoa-servers");
		expect(settings.flatMap(({ data }) => Object.keys(data ?? {})).filter(name => !knownVariables.has(name))).toEqual([]);
		const referred = JSON.stringify(workloads);
		expect(settings.filter(({ metadata }) => !referred.includes(`{"name":"${metadata.name}"}`))).toEqual([]);
	});
});

describe("a node with its secrets", () => {
	it.each(nodes)("$title: starts", ({ environment, secrets }) => {
		expect(() => started(environment(secrets)!)).not.toThrow();
	});

	it.each(nodes)("$title: reaches the servers with the passwords that these were given", ({ environment, secrets }) => {
		const config = started(environment(secrets)!);
		if (config.nats) expect([secrets.NATS_PASSWORD, secrets.NATS_OPERATOR_PASSWORD]).toContain(config.nats.password);
		if (config.sqlUrl) expect(new URL(config.sqlUrl)).toMatchObject({ username: "stoa", password: secrets.MYSQL_PASSWORD });
		if (config.mongoUrl) expect(new URL(config.mongoUrl)).toMatchObject({ username: "stoa", password: secrets.MONGO_PASSWORD });
		if (config.redisUrl) expect(new URL(config.redisUrl)).toMatchObject({ password: secrets.REDIS_PASSWORD });
	});
});

describe("a node without its secrets", () => {
	it.each(services)("$title: refuses to start, instead of starting with something weak", ({ environment }) => {
		const start = () => {
			const env = environment({});
			if (!env) throw new Error("the container is not even made: a key of the Secret is missing");
			started(env);
		};
		expect(start).toThrow(/must be set|is not a URL|a key of the Secret is missing/);
	});

	it("of commerce refuses when nobody has chosen the card provider, and when the chosen one's secrets are missing", () => {
		const commerce = composeNodes.find(([name]) => name === "commerce")![1];
		const of = (change: Environment) => composeEnvironment(commerce, { ...given.compose, ...change });
		expect(() => started(of({ STOA_PAYMENTS: "" }))).toThrow(/STOA_PAYMENTS must be set/);
		expect(() => started(of({ STOA_PAYMENTS: "stripe" }))).toThrow(/STOA_STRIPE_KEY must be set/);
		expect(() => started(of({ STOA_SANDBOX_WEBHOOK_SECRET: "" }))).toThrow(/STOA_SANDBOX_WEBHOOK_SECRET must be set/);
	});
});

describe("a node of a domain", () => {
	/** Per domain, the configurations of the nodes that run it: one for compose, one for Kubernetes. */
	const running = (domain: string): { title: string; config: Config }[] =>
		nodes
			.map(({ title, environment, secrets }) => ({ title, env: environment(secrets)! }))
			.filter(({ env }) => env.SERVICES === domain)
			.map(({ title, env }) => ({ title, config: started(env) }));

	it.each(domains)("$name: one service of compose and one Deployment run it", ({ name }) => {
		expect(running(name).map(({ title }) => title.split(" ")[0])).toEqual(["compose", "Kubernetes"]);
	});

	it("nobody else runs anything, but the whole in one container", () => {
		const folders = services.map(({ environment, secrets }) => environment(secrets)!.SERVICES!);
		expect(folders.filter(folder => folder !== "").sort()).toEqual([...domains, ...domains].map(({ name }) => name).sort());
	});

	it.each(domains)("$name: is told of the stores that its services have, and of no other", ({ name, sql, documents }) => {
		for (const { title, config } of running(name))
			expect({ title, sql: Boolean(config.sqlUrl), documents: Boolean(config.mongoUrl) }).toEqual({ title, sql, documents });
	});

	it.each(domains)(
		"$name: is on the mesh, asks Redis, and holds the administrator's password only where administrators are kept",
		({ name }) => {
			for (const { config } of running(name)) {
				expect(config.nats).toMatchObject({ user: "stoa" });
				expect(config.redisUrl).toBeDefined();
				expect(config.adminPassword !== undefined).toBe(name === "identity");
				expect(config.sandboxWebhookSecret !== undefined).toBe(name === "commerce");
				expect(config.smtpUrl).toBeUndefined();
			}
		},
	);

	it("each pod has a name of its own on the mesh", () => {
		for (const { pod } of workloads.filter(({ manifest }) => manifest.kind === "Deployment")) {
			const id = pod.containers[0]!.env!.find(({ name }) => name === "STOA_NODE_ID");
			expect(id?.valueFrom).toEqual({ fieldRef: { fieldPath: "metadata.name" } });
		}
	});
});

describe("the files as they are cloned", () => {
	it("name in .env.example all that compose may be told, and nothing else", () => {
		const named = [...read(".env.example").matchAll(/^#?([A-Z_]+)=(.*)$/gm)];
		const used = new Set([...read("docker-compose.yml").matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name));
		expect(named.map(([, name]) => name).sort()).toEqual([...used].sort());
		// What has no comment sign before it must be filled in, and scripts/secrets.ts does so.
		const required = named.filter(([line]) => !line.startsWith("#"));
		expect(required.map(([, name]) => name).sort()).toEqual(
			Object.keys(given.compose)
				.filter(name => name !== "STOA_SANDBOX_WEBHOOK_SECRET")
				.sort(),
		);
		expect(required.filter(([, , value]) => value !== "")).toEqual([]);
	});

	it("hold no secret: what is secret has no value, or comes from the environment", () => {
		const secret = /(PASSWORD|SECRET|KEYS|_KEY|AUTH)$/;
		const written = Object.entries(compose.services).flatMap(([name, { environment }]) =>
			Object.entries(environment ?? {})
				.filter(([variable, value]) => secret.test(variable) && !/^\$\{[A-Z_]+(:-)?\}$/.test(String(value)))
				.map(v => [name, v]),
		);
		expect(written).toEqual([]);
		const inMaps = manifests.flatMap(({ data }) => Object.keys(data ?? {}).filter(variable => secret.test(variable)));
		expect(inMaps).toEqual([]);
	});
});
