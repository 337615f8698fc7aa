/** A sentence for whoever typed the command. */
export class OptionError extends Error {}

/** A whole number of an option, or the sentence that says which ones it takes. */
export function wholeNumber(option: string, given: string, { min, max }: { min: number; max: number }): number {
	const value = Number(given);
	if (given.trim() === "" || !Number.isInteger(value) || value < min || value > max)
		throw new OptionError(`${option} is "${given}"; it must be a whole number from ${min} to ${max}.`);
	return value;
}
