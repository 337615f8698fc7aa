// Everything that must hold, asked once the shop is quiet.
import type { Mesh } from "../../../lib/operator-socket.ts";
import type { Cluster } from "../../support/cluster.ts";
import { gather } from "./evidence.ts";
import * as invariants from "./invariants.ts";
import type { Memory } from "./memory.ts";
import type { ServerUrls } from "./options.ts";
import type { Quiet } from "./quiet.ts";
import { everythingKept, findSecrets, type Texts } from "./secrets.ts";
import type { Tally } from "./tally.ts";

export interface Verdict {
	name: string;
	/** What does not hold; empty: it holds. */
	breaches: string[];
}

export interface Checked {
	cluster: Cluster;
	urls: ServerUrls;
	mesh: Mesh;
	memory: Memory;
	tally: Tally;
	quiet: Quiet;
	/** Requests that never got a last word. */
	open: string[];
	/** Nodes that died or did not come back. */
	nodes: string[];
}

async function saidByTheMesh(mesh: Mesh): Promise<{ stock: string[]; audit: string[] }> {
	const stock = (await mesh.call("inventory.checkStock")) as { sound: boolean; wrong: { sku: string; detail: string }[] };
	const audit = (await mesh.call("audit.verify")) as { intact: boolean; brokenAt?: number };
	return {
		stock: stock.wrong.map(({ sku, detail }) => `${sku}: ${detail}`),
		audit: audit.intact ? [] : [`audit.verify says that the chain is broken at ${audit.brokenAt}`],
	};
}

async function* logsOf({ nodes }: Cluster): Texts {
	for (const node of nodes) yield [`the log of ${node.name}`, node.log()];
}

async function* chained(...all: Texts[]): Texts {
	for (const texts of all) yield* texts;
}

export async function check({ cluster, urls, mesh, memory, tally, quiet, open, nodes }: Checked): Promise<Verdict[]> {
	const said = await saidByTheMesh(mesh);
	const evidence = await gather(urls, cluster.namespace);
	const found = { evidence, memory, states: quiet.states };
	const secrets = new Map([...memory.secrets, ...configuredSecrets(cluster)]);
	return [
		{ name: "I1 I4 money, orders and the bank's books", breaches: invariants.money(found) },
		{ name: "I2 stock", breaches: [...invariants.stock(found), ...said.stock] },
		{ name: "I3 orders and sagas", breaches: [...invariants.orders(found), ...quiet.restless] },
		{ name: "I5 events", breaches: invariants.events(found) },
		{ name: "I6 idempotency", breaches: invariants.idempotency(found) },
		{ name: "I8 audit chain", breaches: [...invariants.audit(found), ...said.audit] },
		{ name: "I8 secrets", breaches: await findSecrets(secrets, chained(everythingKept(urls, cluster.namespace), logsOf(cluster))) },
		{ name: "I9 notifications", breaches: invariants.notifications(found) },
		{ name: "I10 answers", breaches: [...tally.wrong, ...tally.failures, ...open, ...invariants.acknowledged(found)] },
		{ name: "nodes", breaches: nodes },
	];
}

const configuredSecrets = ({ env }: Cluster): [string, string][] =>
	["STOA_HMAC_SECRET", "STOA_SANDBOX_WEBHOOK_SECRET", "STOA_ADMIN_PASSWORD"].flatMap(name => (env[name] ? [[env[name], name]] : []));
