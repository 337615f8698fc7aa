import { describe, expect, it } from "@jest/globals";
import type { Mesh } from "../../lib/operator-socket.ts";
import { commands } from "./commands.ts";
import { complete } from "./complete.ts";
import { wordsOf } from "./words.ts";

describe("a typed line", () => {
	it("is words, held together by quotes", () => {
		expect(wordsOf("  events  tail --key  'A 1' --type=orders.placed ")).toEqual([
			"events",
			"tail",
			"--key",
			"A 1",
			"--type=orders.placed",
		]);
		expect(wordsOf("it's")).toEqual(["it's"]);
		expect(wordsOf("   ")).toEqual([]);
	});

	it("may carry JSON as it is, blanks, quotes and brackets included", () => {
		const json = '{ "skus": ["A 1", "}\\""], "deep": { "n": [1] } }';
		expect(wordsOf(`call inventory.levels ${json} --json`)).toEqual(["call", "inventory.levels", json, "--json"]);
		expect(wordsOf("call x {")).toEqual(["call", "x", "{"]);
	});
});

describe("completion", () => {
	const answers: Record<string, unknown> = {
		"operations.listSagasAtPrompt": { data: [{ id: "orders:opr_1" }, { id: "orders:opr_2" }], nextCursor: null },
		"$node.actions": [{ name: "inventory.levels" }, { name: "orders.recent" }],
	};
	const mesh: Mesh = { call: async action => answers[action] ?? Promise.reject(new Error("away")), close: () => undefined };
	const offered = async (line: string) => (await complete(commands, line, async () => mesh))[0].map(word => word.trimEnd());

	it("offers commands word by word", async () => {
		expect(await offered("sa")).toEqual(["saga"]);
		expect(await offered("saga ")).toEqual(["compensate", "list", "retry", "show"]);
		expect(await offered("ord")).toEqual(["order", "orders"]);
		expect(await offered("bench")).toEqual([]);
	});

	it("finishes the only word that is left with a blank", async () => {
		expect(await complete(commands, "saga sh", async () => mesh)).toEqual([["show "], "sh"]);
	});

	it("offers options and their values", async () => {
		expect(await offered("saga list --")).toEqual(["--cursor", "--help", "--json", "--kind", "--limit", "--status"]);
		expect(await offered("saga list --status s")).toEqual(["stuck", "succeeded"]);
	});

	it("asks the mesh for what may stand there, and offers nothing when it does not answer", async () => {
		expect(await offered("saga show orders:opr_")).toEqual(["orders:opr_1", "orders:opr_2"]);
		expect(await offered("call inv")).toEqual(["inventory.levels"]);
		expect(await offered("dlq show ")).toEqual([]);
		expect(await offered("help dl")).toEqual(["dlq"]);
	});
});
