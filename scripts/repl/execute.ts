// Runs one command, typed at the prompt or given on the command line.
import { type Mesh, OperatorCallError } from "../../lib/operator-socket.ts";
import { type Command, findCommand, readArguments, UsageError, type Verdict } from "./command.ts";
import { helpOf, usageOf } from "./help.ts";

/** Where a command meets the person: the way into the mesh is opened when a command first needs it, so that help works without one. */
export interface Desk {
	commands: readonly Command[];
	mesh(): Promise<Mesh>;
	print(text: string): void;
	complain(text: string): void;
	width: number | undefined;
}

/** No process runs on the data folder, or not for us. The message says what to do. */
export class NotRunning extends Error {
	override name = "NotRunning";
}

const noMesh: Mesh = { call: () => Promise.reject(new Error("this command needs no running process")), close: () => undefined };

/** The framework's own words for a service that runs nowhere. */
const nobodyAnswers = new Set(["ServiceNotFoundError", "ServiceNotAvailableError"]);

function sentenceOf(error: unknown): string {
	if (!(error instanceof OperatorCallError)) return error instanceof Error ? error.message : String(error);
	if (nobodyAnswers.has(error.type)) return `service_unavailable: ${error.message} See what runs: nodes`;
	const { errors } = (error.data ?? {}) as { errors?: { pointer: string; detail: string }[] };
	const places = errors?.map(({ pointer, detail }) => `\n  ${pointer || "/"}: ${detail}`).join("") ?? "";
	return `${error.type}: ${places || error.message}`;
}

/** Rejects when the signal is aborted, so that Ctrl-C also leaves a call that does not end. */
const aborted = (signal: AbortSignal) =>
	new Promise<never>((_, reject) =>
		signal.addEventListener("abort", () => reject(new Error("Left. What was begun may still go on.")), { once: true }),
	);

/** Answers whether all is well; what is not was said aloud. */
export async function execute(desk: Desk, words: readonly string[], signal: AbortSignal): Promise<Verdict> {
	const found = findCommand(desk.commands, words);
	if (!found) {
		desk.complain(`There is no command "${words.slice(0, 2).join(" ")}". Type help.`);
		return "not well";
	}
	try {
		const { operands, options, json, help } = readArguments(found.command, found.rest);
		if (help) {
			desk.print(helpOf(found.command));
			return "well";
		}
		const { command } = found;
		const mesh = command.offline ? noMesh : await desk.mesh();
		const run = command.run({
			mesh,
			operands,
			options,
			show: ({ data, text }) => desk.print(json ? JSON.stringify(data) : text),
			remark: text => (json ? undefined : desk.print(text)),
			width: desk.width,
			signal,
		});
		// One that waits for an answer is left behind.
		return await (command.follows ? run : Promise.race([run, aborted(signal)]));
	} catch (error) {
		desk.complain(sentenceOf(error));
		if (error instanceof UsageError) desk.complain(`Usage: ${usageOf(found.command)}`);
		return "not well";
	}
}
