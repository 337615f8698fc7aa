import { ask } from "../../../lib/contract.ts";
import { checkStock } from "../../../services/commerce/inventory/inventory.contract.ts";
import { verify } from "../../../services/platform/audit/audit.contract.ts";
import { command } from "../command.ts";
import { table } from "../table.ts";

export const stockCheck = command({
	name: "stock check",
	summary: "Recount every shelf from its movements and reservations.",
	async run({ mesh, show, width }) {
		const found = await ask(mesh, checkStock, {});
		const rows = found.wrong.map(({ sku, detail }) => [sku, detail]);
		const wrong = table(["sku", "what is wrong"], rows, { nothing: "", width });
		show({
			data: found,
			text: found.sound ? `All ${found.shelves} shelves are sound.` : `${rows.length} of ${found.shelves} shelves are wrong:\n\n${wrong}`,
		});
		return found.sound ? "well" : "not well";
	},
});

export const auditVerify = command({
	name: "audit verify",
	summary: "Walk the audit chain from its first entry: nothing was changed, taken out or put in.",
	async run({ mesh, show }) {
		const found = await ask(mesh, verify, {});
		const intact = `The chain of ${found.entries} entries is intact. Its newest hash: ${found.hash}`;
		show({ data: found, text: found.intact ? intact : `The chain of ${found.entries} entries is broken at entry ${found.brokenAt}.` });
		return found.intact ? "well" : "not well";
	},
});
