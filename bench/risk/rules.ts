// What rules cost beside what is parsed to ask them: the ratio says it on any machine. Counters are stood in for; their own cost is not here.
import { parseArgs } from "node:util";
import { checkRules } from "../../services/risk/fraud/rules/check-rules.ts";
import { compileRules, type RuleBook } from "../../services/risk/fraud/rules/rule-book.ts";
import type { Seen } from "../../services/risk/fraud/rules/seen.ts";
import { starterPack } from "../../services/risk/fraud/rules/starter-pack.ts";
import type { Condition, Rule, Scalar } from "../../services/risk/fraud/rules.contract.ts";
import { OptionError, positive, wholeNumber } from "../option-error.ts";
import { showProgress } from "../progress.ts";
import { aligned, decimal, machine, ratio } from "../tables.ts";

const help = `Measures what it costs to ask rules at one event: npm run bench:rules -- [options]

Every rule is asked at every event. With a trace every comparison is looked at and written down, as a decision keeps it; without one, as the backtest
asks, a rule stops as soon as its answer is known. Beside them stands one JSON.parse of a document of 2 kB. The ways take their turn in every round;
figures are medians of the rounds, in CPU time.

  --rules <n>      how many rules there are (default 200)
  --seconds <n>    length of each measurement (default 1)
  --rounds <n>     how often each is taken (default 5)
  --json           print the figures as JSON
  --help`;

interface Options {
	rules: number;
	seconds: number;
	rounds: number;
	json: boolean;
}

interface Way {
	title: string;
	once(): unknown;
}

/** Undefined when only help was asked for. Throws an {@link OptionError}. */
function readOptions(args: readonly string[]): Options | undefined {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	try {
		const { values } = parseArgs({ args: [...args], options: { rules: text, seconds: text, rounds: text, json: flag, help: flag } });
		if (values.help) return undefined;
		return {
			rules: wholeNumber("--rules", values.rules ?? "200", { max: 500 }),
			seconds: positive("--seconds", values.seconds ?? "1"),
			rounds: wholeNumber("--rounds", values.rounds ?? "5", { max: 100 }),
			json: values.json ?? false,
		};
	} catch (error) {
		throw new OptionError((error as Error).message);
	}
}

/** The rules a shop begins with, in turn, each with another threshold and beside what an analyst would narrow it by. */
function manyRules(count: number): readonly Rule[] {
	return checkRules(
		Array.from({ length: count }, (_, index): Rule => {
			const rule = starterPack[index % starterPack.length]!;
			const narrowed: Condition[] = [
				{
					any: [
						{ fact: "amount", operator: "gte", value: 1000 + index },
						{ fact: "itemCount", operator: "gt", value: 3 },
					],
				},
				{ not: { fact: "country", operator: "in", value: ["DE", "AT", "CH"] } },
			];
			return { ...rule, id: `${rule.id}.${index}`, on: ["checkout"], when: { all: [rule.when, ...narrowed] } };
		}),
	);
}

/** A moment at which every counter has something to say, and each event says another thing. */
function moment(): Seen & { next(): void } {
	const fields: Record<string, Scalar> = { amount: 1050, itemCount: 2, currency: "EUR", country: "FR", userStatus: "clear" };
	let event = 0;
	return {
		field: name => fields[name],
		count: ask => ask.series.length + (event & 127),
		next: () => {
			event++;
		},
	};
}

function waysOf(book: RuleBook): [base: Way, ...others: Way[]] {
	const seen = moment();
	const document = documentOf(2048);
	return [
		{ title: "JSON.parse of 2 kB", once: () => JSON.parse(document) },
		{
			title: `${book.rules.length} rules with a full trace`,
			once: () => {
				seen.next();
				return book.at(["checkout"]).map(rule => rule.evaluate(seen));
			},
		},
		{
			title: `${book.rules.length} rules without one`,
			once: () => {
				seen.next();
				return book.at(["checkout"]).filter(rule => rule.matches(seen));
			},
		},
	];
}

/** Lines of an order, such as a request or a fact holds. */
function documentOf(bytes: number): string {
	const lines: object[] = [];
	const text = () => JSON.stringify({ orderId: "ord_01jd9w6qkz8m4f2v7b3c5n1x0r", lines });
	while (text().length < bytes)
		lines.push({ sku: `SKU-${lines.length}`, quantity: 1, price: { amount: 1999, currency: "EUR" }, gift: false });
	return text();
}

// What is answered is kept, or the compiler would find out that nobody wants it.
let kept: unknown;

/** CPU time rather than the clock's: a neighbour on the same core is not charged. Tidying up behind the traces is. */
function microseconds({ once }: Way, seconds: number): number {
	const began = performance.now();
	const before = process.cpuUsage();
	let count = 0;
	// The clock is asked once in a hundred times: it costs as much as some of what is measured.
	do {
		for (let turn = 0; turn < 100; turn++) kept = once();
		count += 100;
	} while (performance.now() - began < seconds * 1000);
	const { user, system } = process.cpuUsage(before);
	return (user + system) / count;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function measure(options: Options): string {
	const { seconds, rounds } = options;
	const book = compileRules({ version: 1, rules: manyRules(options.rules) });
	const ways = waysOf(book);
	const comparisons = book.rules.reduce((sum, rule) => sum + rule.evaluate(moment()).conditions.length, 0);

	const progress = showProgress((rounds + 1) * ways.length * seconds);
	const taken = new Map(ways.map(way => [way, [] as number[]]));
	// The first round lets the compilers warm up and is not counted.
	for (let round = 0; round <= rounds; round++) {
		for (const way of ways) {
			progress.phase(`${round === 0 ? "warming up" : `round ${round}`}: ${way.title}`, seconds);
			const cost = microseconds(way, seconds);
			if (round > 0) taken.get(way)!.push(cost);
		}
	}
	progress.done();
	if (kept === undefined) throw new Error("Nothing was measured.");

	const figures = ways.map(way => ({ title: way.title, microseconds: median(taken.get(way)!) }));
	if (options.json) return JSON.stringify({ machine: machine(), comparisons, figures }, null, "\t");
	const base = figures[0]!;
	const rows = figures.map(({ title, microseconds }) => [title, decimal(microseconds), ratio(microseconds, base.microseconds)]);
	const head = `${machine()}; ${comparisons} comparisons at each event; medians of ${rounds} × ${seconds} s`;
	return [head, "", ...aligned([["one event", "µs of CPU", `÷ ${base.title}`], ...rows])].join("\n");
}

try {
	const options = readOptions(process.argv.slice(2));
	console.log(options ? measure(options) : help);
} catch (error) {
	console.error(error instanceof OptionError ? `${error.message}\nnpm run bench:rules -- --help says what there is.` : error);
	process.exitCode = 1;
}
