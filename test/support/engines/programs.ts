// Where the programs are that scripts/test-engines.sh brings.
import fs from "node:fs";
import path from "node:path";

export const enginesFolder = path.resolve(import.meta.dirname, "../../../.engines");

/** In .engines, on the PATH, or where Debian keeps servers. */
export function findProgram(name: string): string | undefined {
	const folders = [path.join(enginesFolder, "bin"), ...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
	return folders
		.filter(Boolean)
		.map(folder => path.join(folder, name))
		.find(isProgram);
}

export function isProgram(file: string): boolean {
	try {
		fs.accessSync(file, fs.constants.X_OK);
		return fs.statSync(file).isFile();
	} catch {
		return false;
	}
}
