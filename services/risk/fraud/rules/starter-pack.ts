// The rules that a new shop begins with. Analysts replace them as they learn; the words are theirs, the numbers the issue's.
import type { Comparison, CounterFact, Rule } from "../rules.contract.ts";

const atLeast = (value: number, counter: string, by: CounterFact["by"], window?: string): Comparison => ({
	fact: window === undefined ? { counter, by } : { counter, by, window },
	operator: "gte",
	value,
});

const live = { state: "live" } as const;

const interactions: Rule[] = [
	{
		...live,
		id: "interactions.lifetime",
		description: "Somebody has liked or visited a hundred times. Flags them, and never refuses anything by itself.",
		on: ["interaction"],
		when: atLeast(100, "interactions", "user"),
		outcome: "flag",
		points: 20,
		scope: "user",
	},
	{
		...live,
		id: "interactions.hourly",
		description: "Somebody likes or visits faster than a person does: a hundred times within an hour.",
		on: ["interaction"],
		when: atLeast(100, "interactions", "user", "PT1H"),
		outcome: "review",
		points: 40,
		scope: "user",
	},
];

const cards: Rule[] = [
	{
		...live,
		id: "card-testing.device",
		description: "Four different cards were declined on one device within an hour: somebody tries out stolen ones.",
		on: ["checkout"],
		when: atLeast(4, "declinedInstruments", "device", "PT1H"),
		outcome: "block",
		points: 100,
		scope: "device",
	},
	{
		...live,
		id: "card-testing.address",
		description: "Four different cards were declined from one address within an hour, whatever devices they were tried on.",
		on: ["checkout"],
		when: atLeast(4, "declinedInstruments", "address", "PT1H"),
		outcome: "block",
		points: 100,
		scope: "address",
	},
	{
		...live,
		id: "payment-attempts.device",
		description: "One device tried to pay ten times within ten minutes. The buyer's bank shall say who that is.",
		on: ["checkout"],
		when: atLeast(10, "paymentAttempts", "device", "PT10M"),
		outcome: "challenge",
		points: 40,
		scope: "device",
	},
	{
		...live,
		id: "payment-attempts.session",
		description: "One session, or one guest's cart, tried to pay ten times within ten minutes. The buyer's bank shall say who that is.",
		on: ["checkout"],
		when: atLeast(10, "paymentAttempts", "session", "PT10M"),
		outcome: "challenge",
		points: 40,
		scope: "session",
	},
];

const accounts: Rule[] = [
	{
		...live,
		id: "login-failures.user",
		description: "Five logins to one account failed within an hour: somebody guesses its password, or has forgotten it.",
		on: ["login"],
		when: atLeast(5, "loginFailures", "user", "PT1H"),
		outcome: "review",
		points: 20,
		scope: "user",
	},
	{
		...live,
		id: "login-failures.address",
		description: "Logins to twenty different accounts failed from one address within ten minutes: somebody tries out stolen passwords.",
		on: ["login"],
		when: atLeast(20, "loginFailureUsers", "address", "PT10M"),
		outcome: "review",
		points: 60,
		scope: "address",
	},
	{
		...live,
		id: "account-takeover",
		description:
			"Logins failed five times and a device was there that the account had never had, all within two hours; now somebody pays or changes the password.",
		on: ["checkout", "password"],
		when: { all: [atLeast(1, "newDevices", "user", "PT2H"), atLeast(5, "loginFailures", "user", "PT2H")] },
		outcome: "review",
		points: 80,
		scope: "user",
	},
	{
		...live,
		id: "accounts.device",
		description: "Three accounts were used on one device within a week.",
		on: ["login"],
		when: atLeast(3, "accounts", "device", "P7D"),
		outcome: "review",
		points: 20,
		scope: "device",
	},
];

const money: Rule[] = [
	{
		...live,
		id: "refund-abuse",
		description: "Somebody had five orders refunded within thirty days, and these are half of what they ordered or more.",
		on: ["refund"],
		when: { all: [atLeast(5, "refunds", "user", "P30D"), atLeast(50, "refundShare", "user", "P30D")] },
		outcome: "review",
		points: 40,
		scope: "user",
	},
	{
		...live,
		id: "confirmed-fraud.device",
		description: "The device was confirmed by an analyst to have been used for fraud.",
		on: ["checkout"],
		when: atLeast(1, "confirmedFraud", "device"),
		outcome: "review",
		points: 100,
		scope: "device",
	},
	{
		...live,
		id: "confirmed-fraud.instrument",
		description: "What is paid with was confirmed by an analyst to have been used for fraud.",
		on: ["checkout"],
		when: atLeast(1, "confirmedFraud", "instrument"),
		outcome: "review",
		points: 100,
		scope: "instrument",
	},
];

/** The first version of every shop's rules, all of them live. */
export const starterPack: readonly Rule[] = [...interactions, ...cards, ...accounts, ...money];
