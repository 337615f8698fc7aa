// What a service measures of itself, and how Prometheus reads it.

export interface Sample {
	/** `_bucket`, `_sum` and `_count` of a histogram. */
	suffix?: string;
	labels?: Readonly<Record<string, string>>;
	value: number;
}

export interface Measurement {
	name: string;
	type: "counter" | "gauge" | "histogram";
	help: string;
	samples: readonly Sample[];
}

const escaped = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function line(name: string, { suffix = "", labels = {}, value }: Sample): string {
	const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
	return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`;
}

/** The text format 0.0.4, which every scraper reads. A name stands once, with the samples of all who measured it. */
export function prometheusText(measurements: readonly Measurement[]): string {
	const blocks = [...Map.groupBy(measurements, ({ name }) => name).values()].map(same => [
		`# HELP ${same[0]!.name} ${same[0]!.help}`,
		`# TYPE ${same[0]!.name} ${same[0]!.type}`,
		...same.flatMap(({ name, samples }) => samples.map(sample => line(name, sample))),
	]);
	return `${blocks.flat().join("\n")}\n`;
}
