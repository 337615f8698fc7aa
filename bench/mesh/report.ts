import { aligned, decimal, machine, ratio, whole } from "../tables.ts";
import type { WayFigures } from "./measure.ts";
import type { Subject } from "./options.ts";

const titles: Record<Subject, string> = {
	calls: "one call of a small internal action, in µs",
	facts: "one fact, from tell until a listener's transaction has applied it, in ms (at 70 % of the most per second)",
};
/** Calls within a process take some microseconds, facts that are synced to disk some milliseconds. */
const perMs: Record<Subject, number> = { calls: 1000, facts: 1 };
const units: Record<Subject, string> = { calls: "µs", facts: "ms" };

export function report(figures: readonly WayFigures[], { seconds, rounds }: { seconds: number; rounds: number }): string {
	const subjects = [...new Set(figures.map(({ subject }) => subject))];
	return [
		`${machine()}; medians of ${rounds} × ${seconds} s`,
		...subjects.map(subject =>
			table(
				subject,
				figures.filter(each => each.subject === subject),
			),
		),
	].join("\n\n");
}

function table(subject: Subject, figures: readonly WayFigures[]): string {
	const [base] = figures as [WayFigures, ...WayFigures[]];
	const names = [
		...new Set(figures.flatMap(({ cores }) => cores.filter(({ role }) => role === "product" || role === "server").map(({ name }) => name))),
	];
	const beside = (figure: WayFigures) =>
		figures.find(({ title, concurrency }) => title === base.title && concurrency === figure.concurrency);
	const unit = units[subject];
	const rows = [
		[subject, "at once", "per s", `÷ ${base.title}`, `p50 ${unit}`, `p99 ${unit}`, "cores: caller", ...names, "others"],
		...figures.map(figure => [
			figure.title,
			whole(figure.concurrency),
			whole(figure.perSecond),
			ratio(figure.perSecond, beside(figure)?.perSecond),
			decimal(figure.p50Ms === undefined ? undefined : figure.p50Ms * perMs[subject]),
			decimal(figure.p99Ms === undefined ? undefined : figure.p99Ms * perMs[subject]),
			decimal(figure.cores.find(({ role }) => role === "generator")?.cores),
			...names.map(name => decimal(figure.cores.find(each => each.name === name)?.cores)),
			decimal(figure.cores.find(({ role }) => role === "others")?.cores),
		]),
	];
	return [titles[subject], "", ...aligned(rows), ...serializers(figures), ...errorLines(figures)].join("\n");
}

function serializers(figures: readonly WayFigures[]): string[] {
	const of = (word: string) => figures.filter(({ title }) => title.endsWith(word));
	const json = of("JSON");
	if (json.length === 0) return [];
	const ratios = of("CBOR").map(figure => {
		const other = json.find(({ concurrency }) => concurrency === figure.concurrency);
		return `${ratio(figure.perSecond, other?.perSecond)} with ${figure.concurrency} at once`;
	});
	return ["", `CBOR ÷ JSON: ${ratios.join(", ")}`];
}

function errorLines(figures: readonly WayFigures[]): string[] {
	return figures.flatMap(({ title, concurrency, errors }) =>
		Object.entries(errors).map(([what, count]) => `${title}, ${concurrency} at once: ${count} × ${what}`),
	);
}
