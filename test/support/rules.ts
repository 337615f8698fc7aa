import type { Rule } from "../../services/risk/fraud/rules.contract.ts";

/** A rule that the contract takes, and that matches at large purchases. */
export const aRule = (given: Partial<Rule> = {}): Rule => ({
	id: "large-purchase",
	description: "Somebody buys for a lot of money.",
	state: "live",
	on: ["checkout"],
	when: { fact: "amount", operator: "gte", value: 100_000 },
	outcome: "review",
	scope: "user",
	...given,
});
