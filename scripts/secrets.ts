// Makes the secrets of a deployment once, so that nobody is tempted to type one: an environment file for compose, or for the Secret of k8s.yaml.
import fs from "node:fs";
import { parseArgs } from "node:util";
import { asEnvFile, makeSecrets, type Wanted } from "./secrets/secrets.ts";

const usage = `Writes a file of fresh secrets that only its owner may read. It never writes over a file that is there.

  node scripts/secrets.ts .env --admin you@shop.example --payments sandbox
  node scripts/secrets.ts stoa.env --admin you@shop.example --payments stripe --for kubernetes

  --admin     the first administrator's email
  --payments  sandbox, or stripe (then write its key and webhook secret into the file)
  --for       compose (default) or kubernetes`;

function wanted(values: { admin?: string; payments?: string; for?: string }): Wanted | undefined {
	const { admin, payments, for: target = "compose" } = values;
	if (!admin?.includes("@")) return undefined;
	if (payments !== "sandbox" && payments !== "stripe") return undefined;
	if (target !== "compose" && target !== "kubernetes") return undefined;
	return { admin, payments, target };
}

function run(): number {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { help: { type: "boolean", short: "h" }, admin: { type: "string" }, payments: { type: "string" }, for: { type: "string" } },
	});
	const asked = wanted(values);
	const [file] = positionals;
	if (values.help || !asked || !file) {
		console.log(usage);
		return values.help ? 0 : 1;
	}
	try {
		fs.writeFileSync(file, asEnvFile(makeSecrets(asked)), { mode: 0o600, flag: "wx" });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		console.error(`${file} is there already; its secrets are kept. Move it away first.`);
		return 1;
	}
	console.log(`${file} was written. The administrator's password is in it.`);
	if (asked.payments === "stripe") console.log("Write STOA_STRIPE_KEY and STOA_STRIPE_WEBHOOK_SECRET into it.");
	return 0;
}

process.exitCode = run();
