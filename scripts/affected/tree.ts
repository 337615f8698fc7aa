// The source tree as a graph: which file imports which. Read from the text, because that is all a plan needs.
import fs from "node:fs";
import path from "node:path";

export interface Tree {
	/** Every TypeScript file, relative to the root, with `/`. */
	files: readonly string[];
	/** What a file imports of the tree, resolved. */
	imports: ReadonlyMap<string, readonly string[]>;
}

const areas = ["lib", "mixins", "middlewares", "services", "scripts", "test", "bench"];
const importing = /(?:^import\s(?:[^"';]*?\sfrom\s+)?|^export\s[^"';=]*?\sfrom\s+|\bimport\()"(\.\.?\/[^"]+)"/gms;

export function readTree(root: string): Tree {
	const files = areas
		.filter(area => fs.existsSync(path.join(root, area)))
		.flatMap(area =>
			fs
				.readdirSync(path.join(root, area), { recursive: true, encoding: "utf8" })
				.map(file => path.posix.join(area, file.split(path.sep).join("/"))),
		)
		.filter(file => file.endsWith(".ts"))
		.sort();
	const importsOf = (file: string) =>
		[...fs.readFileSync(path.join(root, file), "utf8").matchAll(importing)].map(([, target]) =>
			path.posix.join(path.posix.dirname(file), target!),
		);
	return { files, imports: new Map(files.map(file => [file, importsOf(file)])) };
}

/** Every file that reaches one of `targets` by imports, the targets included. */
export function whoReaches(tree: Tree, targets: Iterable<string>): Set<string> {
	const importers = new Map<string, string[]>();
	for (const [file, imported] of tree.imports) for (const to of imported) importers.set(to, [...(importers.get(to) ?? []), file]);
	const reached = new Set<string>();
	const open = [...targets];
	for (let file = open.pop(); file !== undefined; file = open.pop()) {
		if (reached.has(file)) continue;
		reached.add(file);
		open.push(...(importers.get(file) ?? []));
	}
	return reached;
}
