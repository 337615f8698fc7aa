// The image, read as text: there is no engine here that could build it.
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { read, root } from "./manifests.ts";

interface Instruction {
	word: string;
	rest: string;
}

/** Instructions in order, continued lines joined, comments left out. */
function instructionsOf(text: string): Instruction[] {
	const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
	return lines.split("\n").flatMap(line => {
		const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
		return word ? [{ word, rest: rest! }] : [];
	});
}

const instructions = instructionsOf(read("Dockerfile"));
const stages = instructions.reduce<Instruction[][]>((all, next) => {
	if (next.word === "FROM") all.push([]);
	all.at(-1)?.push(next);
	return all;
}, []);
const last = stages.at(-1)!;
const only = (stage: Instruction[], word: string) => stage.filter(instruction => instruction.word === word).map(({ rest }) => rest);

describe("the image", () => {
	it("has one base, which whoever builds it may choose, and stages of which only the last is shipped", () => {
		expect(instructions[0]).toEqual({ word: "ARG", rest: "BASE_IMAGE=node:24-bookworm-slim" });
		expect(stages.length).toBeGreaterThanOrEqual(2);
		expect(stages.filter(([from]) => !/^\$\{BASE_IMAGE\}( |$)/.test(from!.rest))).toEqual([]);
	});

	it("installs from the lock file alone, before any source, so that the layer is kept while dependencies are", () => {
		const stage = stages[0]!;
		const install = stage.findIndex(({ word, rest }) => word === "RUN" && rest.startsWith("npm ci"));
		expect(install).toBeGreaterThan(0);
		expect(only(stage.slice(0, install), "COPY")).toEqual(["package.json package-lock.json ./"]);
		expect(stage[install]!.rest).toMatch(/--omit=dev .*--omit=optional/);
		expect(only(stage.slice(install), "COPY")).toEqual([]);
	});

	it("runs as a user with a number, because Kubernetes cannot check a name", () => {
		const users = only(last, "USER");
		expect(users).toHaveLength(1);
		expect(users[0]).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
		// What comes after it is run by that user; nothing but settings may.
		const after = last.slice(last.findIndex(({ word }) => word === "USER") + 1);
		expect(after.map(({ word }) => word)).toEqual(["VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"]);
	});

	it("starts node itself and never npm, which does not wait for what it started", () => {
		const [entrypoint] = only(last, "ENTRYPOINT").map(text => JSON.parse(text) as string[]);
		const [command] = only(last, "CMD").map(text => JSON.parse(text) as string[]);
		expect(entrypoint![0]).toBe("node");
		expect(command).toEqual(["scripts/start.ts"]);
		expect(fs.existsSync(path.join(root, command![0]!))).toBe(true);
		expect(only(last, "STOPSIGNAL")).toEqual(["SIGTERM"]);
	});

	it("is asked by node whether it is alive", () => {
		const [check] = only(last, "HEALTHCHECK");
		const command = JSON.parse(check!.slice(check!.indexOf("["))) as string[];
		expect(command).toEqual(["node", "scripts/healthcheck.ts"]);
		expect(fs.existsSync(path.join(root, command[1]!))).toBe(true);
		expect(instructions.some(({ rest }) => /\b(curl|wget)\b/.test(rest))).toBe(false);
	});

	it("writes nowhere but to /data and /tmp", () => {
		expect(only(last, "VOLUME")).toEqual(["/data"]);
		const env = only(last, "ENV").join(" ");
		expect(env).toContain("NODE_ENV=production");
		expect(env).toContain("STOA_DATA_DIR=/data");
		expect(env).toMatch(/NODE_COMPILE_CACHE=\/tmp\//);
	});

	it("carries no secret", () => {
		const settings = instructions.filter(({ word }) => word === "ENV" || word === "ARG").map(({ rest }) => rest);
		expect(settings.filter(text => /(SECRET|PASSWORD|KEYS?|TOKEN)\b/.test(text))).toEqual([]);
	});
});

describe("what is sent to the builder", () => {
	const rules = read(".dockerignore")
		.split("\n")
		.filter(line => line && !line.startsWith("#"));
	const allowed = rules.filter(rule => rule.startsWith("!")).map(rule => rule.slice(1));

	it("is nothing but what is named", () => {
		expect(rules[0]).toBe("*");
		expect(allowed.filter(name => !fs.existsSync(path.join(root, name)))).toEqual([]);
	});

	it("is all that a start reads, and no test", () => {
		const importing = ["scripts/start.ts", "scripts/migrate.ts", "scripts/repl.ts", "scripts/healthcheck.ts", "moleculer.config.ts"];
		expect(importing.filter(file => !allowed.includes(file.split("/")[0]!))).toEqual([]);
		expect(allowed).toEqual(expect.arrayContaining(["package.json", "package-lock.json", "lib", "middlewares", "mixins", "services"]));
		expect(allowed.filter(name => /^(test|bench|docs|data|\.)/.test(name))).toEqual([]);
		expect(rules).toEqual(expect.arrayContaining(["**/*.test.ts", "**/*.suite.ts"]));
	});
});
