// What every document engine must keep, embedded or deployed. An engine joins by one more call of documentEngineConformance.
import { describe } from "@jest/globals";
import { factsConformance } from "./documents-facts.suite.ts";
import { findingConformance } from "./documents-finding.suite.ts";
import { inboxConformance } from "./documents-inbox.suite.ts";
import type { DataPlace } from "./documents-store.ts";
import { writingConformance } from "./documents-writing.suite.ts";

export function documentEngineConformance(name: string, fresh: () => Promise<DataPlace>): void {
	describe(`documents on ${name}`, () => {
		writingConformance(fresh);
		findingConformance(fresh);
		factsConformance(fresh);
		inboxConformance(fresh);
	});
}
