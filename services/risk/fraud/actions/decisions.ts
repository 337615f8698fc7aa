import { answer } from "../../../../lib/contract.ts";
import { decodeCursor, pageOf } from "../../../../lib/cursor.ts";
import * as contract from "../fraud.contract.ts";
import type { Fraud } from "../fraud.service.ts";
import { shownDecision } from "../fraud.store.ts";

export const listDecisions = answer(contract.listDecisions, async function (this: Fraud, ctx) {
	const { limit = 20, cursor, ...wanted } = ctx.params;
	const before = cursor === undefined ? undefined : String(decodeCursor(cursor, 1)[0]);
	const rows = await this.store.reader.decisions({ ...wanted, before, limit: limit + 1 });
	const page = pageOf(rows, limit, ({ id }) => [id]);
	return { ...page, data: page.data.map(shownDecision) };
});
