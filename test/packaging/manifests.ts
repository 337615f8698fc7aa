// The files of the packaging as data, and the environment that each workload would see: what the policies are checked over.
import fs from "node:fs";
import path from "node:path";
import { parse, parseAllDocuments } from "yaml";

export const root = path.resolve(import.meta.dirname, "../..");
export const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8");

type Environment = Record<string, string>;

// --- compose

export interface ComposeService {
	image: string;
	build?: { context: string };
	environment?: Record<string, string | number>;
	command?: string[];
	entrypoint?: string[];
	profiles?: string[];
	ports?: string[];
	volumes?: string[];
	networks?: string[];
	tmpfs?: string[];
	user?: string;
	read_only?: boolean;
	cap_drop?: string[];
	security_opt?: string[];
	mem_limit?: string;
	cpus?: number;
	pids_limit?: number;
	restart?: string;
	stop_grace_period?: string;
	scale?: number;
	healthcheck?: { test?: string | string[]; disable?: boolean };
	depends_on?: Record<string, { condition: string }> | string[];
}

export interface Compose {
	services: Record<string, ComposeService>;
	networks: Record<string, { internal?: boolean }>;
	volumes: Record<string, object>;
}

export const composeFile = "docker-compose.yml";
export const compose = parse(read(composeFile), { merge: true }) as Compose;

/** `${NAME}`, `${NAME:-default}` and `$$`, as compose reads them. */
export const interpolate = (text: string, given: Environment) =>
	text.replaceAll(/\$\$|\$\{([A-Z_]+)(?::-([^}]*))?\}/g, (found, name: string | undefined, fallback = "") =>
		name === undefined ? found.slice(1) : given[name] || fallback,
	);

/** What the containers of a service see, with `given` standing in .env. */
export function composeEnvironment(service: ComposeService, given: Environment): Environment {
	const entries = Object.entries(service.environment ?? {});
	return Object.fromEntries(entries.map(([name, value]) => [name, interpolate(String(value), given)]));
}

/** Services that run our image. */
export const composeNodes = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);
export const composeServers = Object.entries(compose.services).filter(([, { build }]) => build === undefined);

// --- Kubernetes

export interface Probe {
	httpGet?: { path: string; port: string };
	exec?: { command: string[] };
	periodSeconds?: number;
	failureThreshold?: number;
}

export interface Container {
	name: string;
	image: string;
	command?: string[];
	args?: string[];
	env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string; optional?: boolean } } }[];
	envFrom?: { configMapRef: { name: string } }[];
	ports?: { name: string; containerPort: number }[];
	resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
	securityContext?: Record<string, unknown>;
	startupProbe?: Probe;
	readinessProbe?: Probe;
	livenessProbe?: Probe;
	lifecycle?: { preStop?: { exec: { command: string[] } } };
}

export interface PodSpec {
	containers: Container[];
	initContainers?: Container[];
	serviceAccountName?: string;
	automountServiceAccountToken?: boolean;
	terminationGracePeriodSeconds?: number;
	securityContext?: Record<string, unknown>;
	topologySpreadConstraints?: { topologyKey: string; labelSelector: { matchLabels: Record<string, string> } }[];
	hostNetwork?: boolean;
	volumes?: { name: string; hostPath?: object }[];
}

interface Template {
	metadata: { labels: Record<string, string> };
	spec: PodSpec;
}

export interface Manifest {
	apiVersion: string;
	kind: string;
	metadata: { name: string; namespace?: string; labels: Record<string, string> };
	data?: Record<string, string>;
	stringData?: Record<string, string>;
	automountServiceAccountToken?: boolean;
	spec?: {
		replicas?: number;
		template?: Template;
		jobTemplate?: { spec: { template: Template } };
		suspend?: boolean;
		selector?: Record<string, string> & { matchLabels?: Record<string, string> };
		strategy?: { rollingUpdate: { maxSurge: number; maxUnavailable: number } };
		serviceName?: string;
		clusterIP?: string;
		type?: string;
		ports?: { name: string; port: number; targetPort: string }[];
		scaleTargetRef?: { kind: string; name: string };
		minReplicas?: number;
		maxReplicas?: number;
		maxUnavailable?: number;
		tls?: { hosts: string[]; secretName: string }[];
		rules?: { host: string; http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
		podSelector?: { matchLabels?: Record<string, string> };
		policyTypes?: string[];
		ingress?: unknown[];
		egress?: unknown[];
	};
}

export const kubernetesFile = "k8s.yaml";
export const manifests = parseAllDocuments(read(kubernetesFile)).map(document => document.toJS() as Manifest);
export const ofKind = (kind: string) => manifests.filter(manifest => manifest.kind === kind);

/** Everything that makes pods, with the pod it makes. */
export const workloads = manifests.flatMap(manifest => {
	const template = manifest.spec?.template ?? manifest.spec?.jobTemplate?.spec.template;
	return template ? [{ manifest, name: manifest.metadata.name, template, pod: template.spec }] : [];
});

/** What a container sees, with `secrets` in the cluster. A key that is missing there and not optional keeps the container from starting: undefined. */
export function containerEnvironment(container: Container, secrets: Environment): Environment | undefined {
	const env: Environment = {};
	for (const { configMapRef } of container.envFrom ?? []) {
		Object.assign(env, ofKind("ConfigMap").find(({ metadata }) => metadata.name === configMapRef.name)!.data);
	}
	for (const { name, value, valueFrom } of container.env ?? []) {
		const secret = valueFrom?.secretKeyRef;
		if (!secret) env[name] = value ?? "a-field-of-the-pod";
		else if (secrets[secret.key] !== undefined) env[name] = secrets[secret.key]!;
		else if (!secret.optional) return undefined;
	}
	return env;
}

export const isOurs = ({ image }: Container) => image.startsWith("registry.example/stoa-");

// --- what the sources say

/** Folders under services/ with a service in them, and which store each of their services has. */
export const domains = fs
	.readdirSync(path.join(root, "services"), { withFileTypes: true })
	.filter(entry => entry.isDirectory())
	.map(({ name }) => {
		const sources = fs
			.readdirSync(path.join(root, "services", name), { recursive: true, encoding: "utf8" })
			.filter(file => file.endsWith(".service.ts"))
			.map(file => read(path.posix.join("services", name, file)));
		const any = (text: string) => sources.some(source => source.includes(text));
		return { name, sql: any("sqlStore("), documents: any("documentStore(") };
	});

/** Every variable that the product reads: lib/config.ts is the only place that does. */
export const knownVariables = new Set(read("lib/config.ts").match(/\b(STOA_[A-Z_]+|SERVICES|NODE_ENV|CRASH_AT)\b/g));
