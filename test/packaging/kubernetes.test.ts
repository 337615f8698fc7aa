// k8s.yaml: valid by the schemas of Kubernetes (unknown keys refused), and what we hold every object to.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { describeWith } from "../support/engines/describe-with.ts";
import { toolPath } from "../support/engines/engines.ts";
import { findProgram } from "../support/engines/programs.ts";
import { isOurs, kubernetesFile, manifests, ofKind, read, workloads } from "./manifests.ts";

const version = (JSON.parse(read("package.json")) as { version: string }).version;
const containers = workloads.flatMap(({ name, pod }) => [...pod.containers, ...(pod.initContainers ?? [])].map(c => [name, c] as const));
const deployments = workloads.filter(({ manifest }) => manifest.kind === "Deployment");
const sets = workloads.filter(({ manifest }) => manifest.kind === "StatefulSet");
const named = (kind: string, name: string) => ofKind(kind).find(({ metadata }) => metadata.name === name);

/** A text in a file of its own, for as long as `use` runs. */
function withFile<T>(name: string, text: string, use: (file: string) => T): T {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-k8s-"));
	try {
		const file = path.join(folder, name);
		fs.writeFileSync(file, text);
		return use(file);
	} finally {
		fs.rmSync(folder, { recursive: true });
	}
}

describeWith("kubernetesValidate")("the schemas of Kubernetes", () => {
	const validate = (text: string) =>
		withFile("k8s.yaml", text, file => {
			const { status, stdout, stderr } = spawnSync(toolPath("kubernetesValidate")!, ["--strict", file], { encoding: "utf8" });
			return { status, said: stdout + stderr };
		});

	it("take every object", () => {
		const { status, said } = validate(read(kubernetesFile));
		expect({ status, said: status === 0 ? "" : said }).toEqual({ status: 0, said: "" });
	});

	it.each([
		["a key that they do not know", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSecond: 45"],
		["a number in words", "  replicas: 2", "  replicas: two"],
		["a probe without a port", "httpGet: { path: /readyz, port: operations }", "httpGet: { path: /readyz }"],
	])("refuse %s", (_, right, wrong) => {
		expect(read(kubernetesFile)).toContain(right);
		expect(validate(read(kubernetesFile).replace(right, wrong)).status).not.toBe(0);
	});
});

describe("the namespace", () => {
	it("demands the restricted standard of every pod", () => {
		const [{ metadata }] = ofKind("Namespace") as [(typeof manifests)[number]];
		expect(metadata.name).toBe("stoa");
		expect(metadata.labels["pod-security.kubernetes.io/enforce"]).toBe("restricted");
		expect(manifests.filter(({ kind, metadata: { namespace } }) => kind !== "Namespace" && namespace !== "stoa")).toEqual([]);
	});

	it("says of every object what it is part of, so that servers can be left out", () => {
		const components = manifests.map(({ metadata }) => metadata.labels["app.kubernetes.io/component"]);
		expect(new Set(components)).toEqual(new Set(["settings", "server", "node", "operator"]));
		expect(manifests.filter(({ metadata }) => metadata.labels["app.kubernetes.io/part-of"] !== "stoa")).toEqual([]);
	});

	it("names no object of a kind twice", () => {
		const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
		expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
	});
});

describe("every pod", () => {
	it.each(workloads.map(({ name, pod }) => [name, pod] as const))("%s is restricted, and has no way into the cluster", (_, pod) => {
		expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
		expect(pod.securityContext?.runAsUser).toBeGreaterThan(0);
		expect(pod.automountServiceAccountToken).toBe(false);
		expect(pod.serviceAccountName).toBe("stoa");
		expect(pod.hostNetwork).toBeUndefined();
		expect((pod.volumes ?? []).filter(({ hostPath }) => hostPath)).toEqual([]);
		expect(named("ServiceAccount", "stoa")?.automountServiceAccountToken).toBe(false);
	});

	it.each(containers)("%s: its container cannot gain rights, nor write to its image", (_, container) => {
		expect(container.securityContext).toEqual({
			allowPrivilegeEscalation: false,
			readOnlyRootFilesystem: true,
			capabilities: { drop: ["ALL"] },
		});
	});

	it.each(containers)("%s: its container says what it needs and what it may have at most", (_, { resources }) => {
		for (const side of [resources?.requests, resources?.limits])
			expect(side).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
	});

	it.each(containers)("%s: its image is pinned to a version", (_, container) => {
		expect(container.image).toMatch(isOurs(container) ? new RegExp(`:${version.replaceAll(".", "\\.")}$`) : /:\d+\.\d+\.\d+(-alpine)?$/);
	});

	it("runs as the user that the image names", () => {
		const [, user] = /^USER (\d+):/m.exec(read("Dockerfile"))!;
		const ours = workloads.filter(({ pod }) => pod.containers.some(isOurs));
		expect(new Set(ours.map(({ pod }) => pod.securityContext?.runAsUser))).toEqual(new Set([Number(user)]));
	});
});

describe("every node", () => {
	it.each(deployments)("$name is replaced one by one, two at least, never less than before", ({ manifest, name }) => {
		expect(manifest.spec?.replicas).toBeGreaterThanOrEqual(2);
		expect(manifest.spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
		const [budget] = ofKind("PodDisruptionBudget").filter(({ spec }) => spec?.selector?.matchLabels?.["app.kubernetes.io/name"] === name);
		expect(budget?.spec?.maxUnavailable).toBe(1);
	});

	it.each(deployments)("$name is spread over machines and zones", ({ name, pod }) => {
		const spread = pod.topologySpreadConstraints ?? [];
		expect(spread.map(({ topologyKey }) => topologyKey)).toEqual(["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
		for (const { labelSelector } of spread) expect(labelSelector.matchLabels).toEqual({ "app.kubernetes.io/name": name });
	});

	it.each(deployments)("$name is asked on its operations port whether it began, is alive and is ready", ({ pod }) => {
		const [node] = pod.containers;
		expect(node!.ports).toEqual(expect.arrayContaining([{ name: "operations", containerPort: 3030 }]));
		expect(node!.startupProbe?.httpGet).toEqual({ path: "/healthz", port: "operations" });
		// Alive and not ready: a node whose database is away must not be killed for it.
		expect(node!.livenessProbe?.httpGet).toEqual({ path: "/healthz", port: "operations" });
		expect(node!.readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "operations" });
	});

	it.each(deployments)("$name waits before it stops, without a shell, and has longer to stop than it takes", ({ pod }) => {
		const [node] = pod.containers;
		const command = node!.lifecycle?.preStop?.exec.command ?? [];
		expect(command.slice(0, 2)).toEqual(["node", "-e"]);
		const waitSeconds = Number(/(\d+)\)$/.exec(command[2]!)![1]) / 1000;
		const drainSeconds = Number(/drainMs = (\d+)/.exec(read("services/edge/gateway/gateway.service.ts"))![1]) / 1000;
		const callSeconds = Number(/shutdownTimeout: ([\d_]+)/.exec(read("middlewares/broker-options.ts"))![1]!.replaceAll("_", "")) / 1000;
		expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(waitSeconds + drainSeconds + callSeconds + 10);
	});

	it("the gateway, commerce and risk, which every checkout waits for, grow with their load, from the number that they begin with", () => {
		const scaled = ofKind("HorizontalPodAutoscaler").map(({ apiVersion, spec }) => ({ apiVersion, target: spec?.scaleTargetRef?.name }));
		expect(scaled).toEqual([
			{ apiVersion: "autoscaling/v2", target: "stoa-gateway" },
			{ apiVersion: "autoscaling/v2", target: "stoa-commerce" },
			{ apiVersion: "autoscaling/v2", target: "stoa-risk" },
		]);
		for (const { spec } of ofKind("HorizontalPodAutoscaler")) {
			expect(spec?.minReplicas).toBe(named("Deployment", spec!.scaleTargetRef!.name)?.spec?.replicas);
			expect(spec?.maxReplicas).toBeGreaterThan(spec!.minReplicas!);
		}
	});
});

describe("the servers", () => {
	it.each(sets)("$name has a headless Service, probes and a volume", ({ manifest, name, pod }) => {
		expect(manifest.spec?.serviceName).toBe(name);
		expect(named("Service", name)?.spec?.clusterIP).toBe("None");
		const [server] = pod.containers;
		for (const probe of [server!.startupProbe, server!.readinessProbe, server!.livenessProbe]) expect(probe).toBeDefined();
		expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
	});

	it("read the same files as those of compose", () => {
		const { data } = named("ConfigMap", "stoa-servers")!;
		for (const file of ["nats.conf", "mysql-user.sql", "mongo-user.js"]) expect(data?.[file]?.trim()).toBe(read(`deploy/${file}`).trim());
	});

	const natsServer = findProgram("nats-server");
	(natsServer ? it : it.skip)("three of NATS take the settings, with a password of digits too, and none without one", () => {
		const { data } = named("ConfigMap", "stoa-servers")!;
		const env = workloads.find(({ name }) => name === "stoa-nats")!.pod.containers[0]!.env!;
		const check = (password: string | undefined) =>
			withFile("nats.conf", data!["nats.conf"]!, file => {
				const cluster = path.join(path.dirname(file), "cluster.conf");
				fs.writeFileSync(cluster, data!["cluster.conf"]!);
				const given = env.map(({ name, value }) => [name, value?.replaceAll(/\$\([A-Z_]+\)/g, password ?? "") ?? "stoa-nats-0"]);
				const wanted = password === undefined ? given.filter(([name]) => name !== "NATS_PASSWORD") : given;
				return spawnSync(natsServer!, ["-t", "-c", cluster], { env: Object.fromEntries(wanted), encoding: "utf8" }).status;
			});
		expect({ hex: check("ab12"), digits: check("7710"), none: check(undefined) }).toEqual({ hex: 0, digits: 0, none: 1 });
	});
});

describe("migrations", () => {
	it("are a Job whose name carries the version, because a Job cannot be changed", () => {
		const [job] = ofKind("Job");
		expect(job!.metadata.name).toBe(`stoa-migrations-${version.replaceAll(".", "-")}`);
		const [container] = job!.spec!.template!.spec.containers;
		expect(container!.args).toEqual(["scripts/migrate.ts"]);
		// The image of a domain would migrate that domain's schemas only.
		expect(container!.env).toEqual(expect.arrayContaining([{ name: "SERVICES", value: "" }]));
	});
});

describe("the operator's pod", () => {
	it("is never started by the clock", () => {
		expect(ofKind("CronJob").map(({ metadata, spec }) => [metadata.name, spec?.suspend])).toEqual([["stoa-operator", true]]);
	});
});

describe("secrets", () => {
	it("are named and have no value here", () => {
		const secrets = ofKind("Secret");
		expect(secrets.map(({ metadata }) => metadata.name)).toEqual(["stoa"]);
		expect(secrets.filter(({ data, stringData }) => data ?? stringData)).toEqual([]);
	});

	it("reach a container by reference only", () => {
		const written = containers.flatMap(([name, { env }]) =>
			(env ?? [])
				.filter(({ name: variable, value }) => value && /PASSWORD|SECRET|KEY|_URL$/.test(variable) && !value.includes("$("))
				.map(v => [name, v.name]),
		);
		expect(written).toEqual([]);
	});
});
