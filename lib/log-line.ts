// One line per log entry: time, level, who, what. Card numbers are masked by the rule that refuses them at the door.
import { inspect } from "node:util";
import { redactCardNumbers } from "./card-number.ts";

interface Bindings {
	mod?: string;
	svc?: string;
}

const printed = (part: unknown): string => {
	if (typeof part === "string") return part;
	// The stack tells where, its first line what; nested causes are printed by inspect.
	return part instanceof Error ? inspect(part, { depth: 2 }) : inspect(part, { depth: 4, breakLength: Number.POSITIVE_INFINITY });
};

/** The line of one entry. `now` is given by the caller, in milliseconds. */
export function logLine(level: string, parts: readonly unknown[], bindings: Bindings | undefined, now: number): string {
	const who = (bindings?.svc ?? bindings?.mod ?? "stoa").toLowerCase();
	return redactCardNumbers(`${new Date(now).toISOString()} ${level.toUpperCase().padEnd(5)} ${who}: ${parts.map(printed).join(" ")}`);
}
