// What a container's health check runs: asks the operations port of the node beside it. Imports nothing of the product, because it starts every few seconds.
import { parseArgs } from "node:util";

const usage = `Asks the operations port of the node on this machine (STOA_OPS_PORT, 3030) whether it is alive. Exit code 0: yes.

  node scripts/healthcheck.ts           alive: the process answers
  node scripts/healthcheck.ts --ready   ready: its stores and its mesh answer too`;

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" }, ready: { type: "boolean" } } });

async function healthy(path: string): Promise<boolean> {
	try {
		// Shorter than the 5 s that the image grants, so that what is printed says why.
		const answer = await fetch(`http://127.0.0.1:${process.env.STOA_OPS_PORT || 3030}${path}`, { signal: AbortSignal.timeout(4000) });
		console.log(`${path} ${answer.status} ${(await answer.text()).trim()}`);
		return answer.ok;
	} catch (error) {
		const { message, cause } = error as Error & { cause?: Error };
		console.error(`${path} ${cause?.message ?? message}`);
		return false;
	}
}

if (values.help) console.log(usage);
else process.exitCode = (await healthy(values.ready ? "/readyz" : "/healthz")) ? 0 : 1;
