// docker-compose.yml: valid for compose v1 (its own validator), and what we hold every service to.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { asEnvFile, makeSecrets } from "../../scripts/secrets/secrets.ts";
import { describeWith } from "../support/engines/describe-with.ts";
import { toolPath } from "../support/engines/engines.ts";
import { compose, composeFile, composeNodes, composeServers, read, root, workloads } from "./manifests.ts";

const services = Object.entries(compose.services);
const seconds = (duration: string) => Number(/^(\d+)s$/.exec(duration)?.[1]);

describeWith("dockerCompose")("compose's own validator", () => {
	let folder: string;
	beforeAll(() => {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), "stoa-compose-"));
	});
	afterAll(() => fs.rmSync(folder, { recursive: true }));

	/** `docker-compose config` over a text, in a folder that has no .env but the given one. */
	function config(text: string, env = "") {
		fs.writeFileSync(path.join(folder, composeFile), text);
		fs.writeFileSync(path.join(folder, ".env"), env);
		const { status, stdout, stderr } = spawnSync(toolPath("dockerCompose")!, ["--profile", "single", "--profile", "tools", "config"], {
			cwd: folder,
			encoding: "utf8",
			env: { PATH: process.env.PATH, HOME: folder },
		});
		return { status, stdout, stderr };
	}

	it("takes the file as it was cloned, and names every setting that is missing", () => {
		const { status, stderr } = config(read(composeFile));
		expect(status).toBe(0);
		for (const name of ["NATS_PASSWORD", "MYSQL_PASSWORD", "MONGO_PASSWORD", "REDIS_PASSWORD", "STOA_SIGNING_KEYS", "STOA_PAYMENTS"])
			expect(stderr).toContain(name);
	});

	it("takes it with the secrets that scripts/secrets.ts makes, and hands them over unharmed", () => {
		const secrets = makeSecrets({ admin: "you@shop.example", payments: "sandbox", target: "compose" });
		const { status, stdout, stderr } = config(read(composeFile), asEnvFile(secrets));
		expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
		expect(stdout).toContain(`mysql://stoa:${secrets.MYSQL_PASSWORD}@mysql:3306`);
		expect(stdout).toContain(secrets.STOA_HMAC_SECRET);
	});

	it.each([
		["a key that it does not know", "    stop_grace_period: 60s", "    stop_grace_perod: 60s"],
		["a service that is not there", "      nats: { condition: service_healthy }", "      natz: { condition: service_healthy }"],
		["a limit that is no number", "    cpus: 2.0", "    cpus: [two]"],
	])("refuses %s", (_, right, wrong) => {
		expect(read(composeFile)).toContain(right);
		expect(config(read(composeFile).replaceAll(right, wrong)).status).not.toBe(0);
	});
});

describe("every service of compose", () => {
	it.each(services)("%s has limits, lets go of every capability and cannot write to its image", (_, service) => {
		expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
		expect(service.mem_limit).toMatch(/^\d+[mg]$/);
		expect(service.cpus).toBeGreaterThan(0);
		expect(service.pids_limit).toBeGreaterThan(0);
	});

	it.each(services)("%s is given time to stop, and is started again unless it is there for one task", (name, service) => {
		expect(seconds(service.stop_grace_period ?? "")).toBeGreaterThanOrEqual(30);
		const restart = { migrations: "on-failure", repl: "no" }[name] ?? "unless-stopped";
		expect(service.restart).toBe(restart);
	});

	it.each(services)("%s is asked how it is, unless it is there for one task", (name, { healthcheck }) => {
		if (name === "migrations" || name === "repl") expect(healthcheck).toEqual({ disable: true });
		else expect(healthcheck?.test).toBeTruthy();
	});

	it("the servers' images are pinned to a version", () => {
		const pins = composeServers.map(([, { image }]) => image);
		expect(pins.filter(image => !/^[a-z]+:\d+\.\d+\.\d+(-alpine)?$/.test(image))).toEqual([]);
		expect(pins.map(image => image.split(":")[0])).toEqual(["nats", "mysql", "mongo", "redis"]);
	});
});

describe("the servers of compose", () => {
	it("keep what must not be lost in volumes that are declared", () => {
		const named = services.flatMap(([, { volumes }]) =>
			(volumes ?? []).filter(volume => !volume.startsWith(".")).map(v => v.split(":")[0]!),
		);
		expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
		expect(named).toEqual(expect.arrayContaining(["nats", "mysql", "mongo", "redis", "single"]));
	});

	it("Redis keeps the counters of risk over a restart, and never drops one to make room", () => {
		const inKubernetes = workloads.find(({ name }) => name === "stoa-redis")!.pod.containers[0]!.args!;
		for (const [command] of [compose.services.redis!.command!, inKubernetes]) {
			expect(command).toContain("--appendonly yes");
			// Counters that are kept for ever have no time to live: only what has one may go.
			expect(command).toContain("--maxmemory-policy volatile-ttl");
		}
	});

	it("every network that is joined is declared", () => {
		const joined = services.flatMap(([, { networks }]) => networks ?? ["default"]);
		expect([...new Set(joined)].sort()).toEqual(Object.keys(compose.networks).sort());
	});

	it("are reached from the mesh only", () => {
		expect(compose.networks.mesh).toEqual({ internal: true });
		for (const [, { networks, ports }] of composeServers) expect({ networks, ports }).toEqual({ networks: ["mesh"], ports: undefined });
	});

	it("read files that are there", () => {
		const mounted = services.flatMap(([, { volumes }]) => (volumes ?? []).filter(volume => volume.startsWith("./")));
		expect(mounted.length).toBeGreaterThanOrEqual(3);
		for (const volume of mounted) {
			const [file, , mode] = volume.split(":");
			expect({ there: fs.existsSync(path.join(root, file!)), mode }).toEqual({ there: true, mode: "ro" });
		}
	});
});

describe("the nodes of compose", () => {
	it("all run one image as the user that the image names, with nothing else to write to than /tmp and /data", () => {
		for (const [name, { user, tmpfs, volumes, image }] of composeNodes) {
			expect(image).toBe(compose.services.gateway!.image);
			expect(user).toBe(/^USER (.*)$/m.exec(read("Dockerfile"))![1]);
			const writable = [...(tmpfs ?? []), ...(volumes ?? []).map(volume => volume.split(":")[1]!)].map(place => place.split(":")[0]);
			expect({ name, writable: writable.sort() }).toEqual({ name, writable: ["/data", "/tmp"] });
		}
	});

	it("wait for healthy servers, and for schemas that are up to date", () => {
		for (const name of ["gateway", "identity", "commerce", "notification", "platform", "risk"]) {
			expect(compose.services[name]!.depends_on).toEqual({
				nats: { condition: "service_healthy" },
				mysql: { condition: "service_healthy" },
				mongo: { condition: "service_healthy" },
				redis: { condition: "service_healthy" },
				migrations: { condition: "service_completed_successfully" },
			});
		}
	});

	it("two gateways and two of commerce, each gateway on a port of its own on this machine", () => {
		expect(compose.services.gateway!.scale).toBe(2);
		expect(compose.services.commerce!.scale).toBe(2);
		expect(compose.services.gateway!.ports).toEqual([expect.stringMatching(/:-127\.0\.0\.1\}:\$\{STOA_PORTS:-3000-3001\}:3000$/)]);
	});

	it("nothing but the gateway is published", () => {
		expect(services.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(["gateway", "single"]);
		expect(services.flatMap(([, { ports }]) => ports ?? []).filter(port => port.includes("3030"))).toEqual([]);
	});

	it("only those that speak to somebody outside have a way out", () => {
		const outside = composeNodes.filter(([, { networks }]) => networks?.includes("outside")).map(([name]) => name);
		expect(outside).toEqual(["gateway", "commerce", "notification", "single"]);
	});

	it("start programs that are there", () => {
		const programs = composeNodes.flatMap(([, { command, entrypoint }]) => [...(entrypoint ?? []), ...(command ?? [])]);
		const files = programs.filter(word => word.endsWith(".ts"));
		expect(files).toEqual(["scripts/migrate.ts", "scripts/repl.ts"]);
		expect(files.filter(file => !fs.existsSync(path.join(root, file)))).toEqual([]);
	});
});

describe("the beginning of a NATS server", () => {
	const nats = compose.services.nats!;
	const script = nats.command![0]!.replaceAll("$$", "$").replace(/exec .*/s, "env");
	const run = (env: Record<string, string>) =>
		spawnSync("/bin/sh", ["-c", script], { env: { PATH: "/usr/bin:/bin", ...env }, encoding: "utf8" });

	it("refuses without a password, which the server itself would not", () => {
		const { status, stderr } = run({ NODES_PASSWORD: "", OPERATOR_PASSWORD: "x" });
		expect(status).not.toBe(0);
		expect(stderr).toContain("NATS_PASSWORD must be set");
	});

	it("hands a password of digits over as text", () => {
		const printed = execFileSync("/bin/sh", ["-c", script], {
			env: { PATH: "/usr/bin:/bin", NODES_PASSWORD: "123456", OPERATOR_PASSWORD: "7e10" },
			encoding: "utf8",
		});
		expect(printed).toContain('NATS_PASSWORD="123456"');
		expect(printed).toContain('NATS_OPERATOR_PASSWORD="7e10"');
	});
});
