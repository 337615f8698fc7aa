// Stripe twice: one mock refuses what the published API does not know, the other plays the life of a payment.
import fs from "node:fs";
import path from "node:path";
import { enginesFolder, findProgram } from "./programs.ts";
import type { Recipe } from "./server.ts";

const url = (port: number) => `http://127.0.0.1:${port}`;
const ready = { say: "GET / HTTP/1.0\r\n\r\n", hear: /^HTTP\/1/ };

export function stripeMockRecipe(): Recipe {
	return { command: ({ port }) => [findProgram("stripe-mock")!, "-http-addr", `127.0.0.1:${port}`], url, ready };
}

const localstripe = path.join(enginesFolder, "localstripe", "bin");

export function missingLocalstripe(): string | undefined {
	return fs.existsSync(path.join(localstripe, "localstripe")) ? undefined : "localstripe is not in .engines (scripts/test-engines.sh)";
}

/** It forgets everything with its process: what it would keep lies in one file for the whole machine. */
export function localstripeRecipe(): Recipe {
	const program = [path.join(localstripe, "python3"), path.join(localstripe, "localstripe")];
	return { command: ({ port }) => [...program, "--port", String(port), "--from-scratch"], url, ready };
}
