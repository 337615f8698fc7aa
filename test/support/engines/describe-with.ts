import { describe } from "@jest/globals";
import { missing, type Need } from "./engines.ts";

/** `describe`, or where a need is missing `describe.skip` under a title that says why: scripts/test.ts prints it. */
export function describeWith(...needs: Need[]): (title: string, suite: () => void) => void {
	const reasons = needs.flatMap(need => {
		const reason = missing(need);
		return reason ? [`needs ${need}: ${reason}`] : [];
	});
	if (reasons.length === 0) return (title, suite) => describe(title, suite);
	return (title, suite) => describe.skip(`${title} [${reasons.join("; ")}]`, suite);
}
