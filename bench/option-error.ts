/** A sentence for whoever typed the command. */
export class OptionError extends Error {}

export function positive(option: string, given: string): number {
	const value = Number(given);
	if (!(value > 0 && Number.isFinite(value))) throw new OptionError(`${option} is "${given}"; it must be a number above 0.`);
	return value;
}

export function wholeNumber(option: string, given: string, { max }: { max: number }): number {
	const value = Number(given);
	if (!(Number.isInteger(value) && value >= 1 && value <= max))
		throw new OptionError(`${option} is "${given}"; it must be a whole number from 1 to ${max}.`);
	return value;
}
