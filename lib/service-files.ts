// Which service files a node runs: the tree is the vocabulary of deployment.
import fs from "node:fs";
import path from "node:path";
import { ConfigError } from "./config.ts";

/** `<root>/services/<domain>/<name>/<name>.service.ts`, every one, in order of name. */
function everyService(root: string): { name: string; file: string }[] {
	const base = path.join(root, "services");
	const folders = (folder: string) =>
		fs
			.readdirSync(folder, { withFileTypes: true })
			.filter(entry => entry.isDirectory())
			.map(entry => entry.name)
			.sort();
	return folders(base).flatMap(domain =>
		folders(path.join(base, domain))
			.map(service => ({ name: `${domain}/${service}`, file: path.join(base, domain, service, `${service}.service.ts`) }))
			.filter(({ file }) => fs.existsSync(file)),
	);
}

/**
 * The files of `SERVICES` (`bank,commerce/orders`; empty: all). Throws {@link ConfigError} for a name that matches nothing:
 * a node that silently runs less than it was told to is found out too late.
 */
export function serviceFiles(root: string, services: string): string[] {
	const all = everyService(root);
	const names = services
		.split(",")
		.map(name => name.trim().replace(/\/+$/, ""))
		.filter(Boolean);
	if (names.length === 0) return all.map(({ file }) => file);
	const chosen = new Set<string>();
	for (const name of names) {
		const found = all.filter(service => service.name === name || service.name.startsWith(`${name}/`));
		if (found.length === 0)
			throw new ConfigError(`SERVICES names "${name}", but there is no such folder under services/ with a service in it.`);
		for (const { file } of found) chosen.add(file);
	}
	return [...chosen];
}
