import fs from "node:fs";
import path from "node:path";

/** A Chromium of this machine: CHROMIUM_PATH, or one on the PATH; undefined when there is none. */
export function findChromium(): string | undefined {
	const named = process.env.CHROMIUM_PATH;
	if (named) return fs.existsSync(named) ? named : undefined;
	const folders = (process.env.PATH ?? "").split(path.delimiter);
	const names = ["chromium", "chromium-browser", "google-chrome"];
	return folders.flatMap(folder => names.map(name => path.join(folder, name))).find(file => fs.existsSync(file));
}
