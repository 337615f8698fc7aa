// `npm run docs`: pages made from the contracts. `--check` fails when the committed ones are stale.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Catalogue, loadContracts } from "../lib/catalogue.ts";
import { kinds } from "../lib/failure.ts";
import { openApiOf } from "../lib/openapi.ts";

const usage = `Writes docs/events.md, docs/failures.md and docs/openapi.json from the contracts.

  npm run docs              writes them
  npm run docs -- --check   fails when they are stale`;

const root = path.resolve(import.meta.dirname, "..");
const made = "<!-- Made from the contracts by `npm run docs`: change the contract, not this page. -->";

function eventsPage({ events }: Catalogue): string {
	const rows = [...events.values()].map(event => {
		const fields = Object.keys(event.payload.properties).join(", ");
		return `| \`${event.name}\` | ${event.version} | ${event.delivery} | \`${event.key}\` | ${event.summary} | ${fields} |`;
	});
	return [
		"# Events",
		made,
		"",
		"Durable events are written with the state that makes them true and reach every listener's effect once, in order per key. Fleeting ones are",
		"broadcast and may be lost; whatever matters in them is also polled.",
		"",
		"| event | version | delivery | key | what happened | payload |",
		"|---|---|---|---|---|---|",
		...rows,
		"",
	].join("\n");
}

function failuresPage({ failures, actions }: Catalogue): string {
	const thrownBy = (code: string) =>
		[...actions.values()]
			.filter(action => action.rest && action.throws.some(failure => failure.code === code))
			.map(action => `\`${action.name}\``)
			.join(", ");
	const rows = [...failures.values()].map(
		({ code, kind }) => `| \`${code}\` | ${kinds[kind].status} | ${kind} | ${kinds[kind].retryable ? "later" : "no"} | ${thrownBy(code)} |`,
	);
	return ["# Failures", made, "", "| code | HTTP | kind | again? | refused by |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}

async function pages(): Promise<Record<string, string>> {
	const catalogue = await loadContracts(path.join(root, "services"));
	return {
		"docs/events.md": eventsPage(catalogue),
		"docs/failures.md": failuresPage(catalogue),
		"docs/openapi.json": `${JSON.stringify(openApiOf(catalogue), null, "\t")}\n`,
	};
}

const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
if (values.help) console.log(usage);
else {
	for (const [name, text] of Object.entries(await pages())) {
		const file = path.join(root, name);
		const current = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
		if (current === text) continue;
		if (values.check) {
			console.error(`${name} is stale: run npm run docs and commit what it writes.`);
			process.exitCode = 1;
		} else {
			fs.writeFileSync(file, text);
			console.log(`wrote ${name}`);
		}
	}
}
