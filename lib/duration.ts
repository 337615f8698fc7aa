/** Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds; undefined for anything else. Months and years have no fixed length. */
export function parseDuration(text: string): number | undefined {
	const parts = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/.exec(text);
	if (!parts || text === "P" || text.endsWith("T")) return undefined;
	const [weeks, days, hours, minutes, seconds] = parts.slice(1).map(part => Number(part ?? 0)) as [number, number, number, number, number];
	return Math.round((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000);
}
