/** What is told of an error that a person can mend (a setting, a server that does not answer); undefined for a defect of ours, which is shown whole. */
export function stopSentence(error: unknown): string | undefined {
	const isMendable = error instanceof Error && (error.name === "ConfigError" || error.name === "DatabaseError");
	return isMendable ? `Stoa does not start: ${error.message}` : undefined;
}
