// A harbour and its lighthouse as a process of their own, to be killed: lets ships come in and pay, says of each when it was answered, and in the end
// what was told and heard. `harbour-process.ts <visits>`, with STOA_DATA_DIR and CRASH_AT in the environment.
import { ask } from "../../lib/contract.ts";
import { storeContract } from "../../lib/store-contract.ts";
import { aNode, type Harbour, harbour, type Lighthouse, lighthouse, logbookOf, moor, pay } from "../conformance/harbour.ts";
import { eventually } from "../support/http.ts";

export interface Report {
	told: { position: number; type: string; ship: string; visit?: number; toll?: number }[];
	/** Position and name, as the lighthouse noted them. */
	heard: string[];
	letters: number;
}

const say = (kind: string, what: unknown) => process.stdout.write(`${kind} ${JSON.stringify(what)}\n`);
const contract = storeContract("harbour");

const visits = Number(process.argv[2]);
const { STOA_DATA_DIR = "", CRASH_AT } = process.env;
const broker = await aNode({ STOA_DATA_DIR, ...(CRASH_AT ? { CRASH_AT } : {}) }, [harbour(), lighthouse()]);
const service = broker.getLocalService("harbour") as unknown as Harbour;
const listener = broker.getLocalService("lighthouse") as unknown as Lighthouse;

for (let n = 0; n < visits; n++) {
	const ship = `ship${n % 3}`;
	await Promise.all([moor(service, ship).then(() => say("moored", ship)), pay(service, ship, n).then(() => say("paid", n))]);
}

const { head } = await eventually(
	() => ask(broker, contract.storeState, {}),
	({ pending }) => pending === 0,
);
const heard = await eventually(
	() => logbookOf(listener),
	rows => rows.length >= head,
);
const facts = await ask(broker, contract.readFacts, { after: 0, limit: 1000 });
const told = facts.map(({ position, type, key, data }) => ({ position, type, ship: key, ...(data as object) }));
const letters = [...(await listener.store.inbox.letters({ limit: 10 })), ...(await service.store.inbox.letters({ limit: 10 }))].length;
say("report", { told, heard, letters } satisfies Report);
await broker.stop();
