// Finds the route of a request. The framework tries one pattern after the other; with a hundred routes that costs more than the call itself.

/** `names[i]` is the field that the i-th variable segment fills. */
interface Entry<Target> {
	target: Target;
	names: readonly string[];
}

interface Node<Target> {
	fixed: Map<string, Node<Target>>;
	variable: Node<Target> | undefined;
	/** By method. */
	entries: Map<string, Entry<Target>>;
}

const emptyNode = <Target>(): Node<Target> => ({ fixed: new Map(), variable: undefined, entries: new Map() });

export type Found<Target> = { target: Target; path: Record<string, string> } | { allow: string[] } | undefined;

export class Routes<Target> {
	readonly #root = emptyNode<Target>();

	/** `/v1/carts/:id/items`: a segment that begins with a colon takes any text. */
	add(method: string, path: string, target: Target): void {
		const names: string[] = [];
		let node = this.#root;
		for (const segment of path.split("/").slice(1)) {
			if (segment.startsWith(":")) {
				names.push(segment.slice(1));
				node.variable ??= emptyNode();
				node = node.variable;
			} else {
				if (!node.fixed.has(segment)) node.fixed.set(segment, emptyNode());
				node = node.fixed.get(segment)!;
			}
		}
		node.entries.set(method, { target, names });
	}

	/**
	 * The target of a request and the decoded fields of its path; the methods there are when the path is known and the method is not;
	 * undefined when the path names nothing. A fixed segment goes before a variable one: `/users/me` is never the user called "me".
	 */
	find(method: string, path: string): Found<Target> {
		const segments = path.split("/");
		const values: string[] = [];
		const node = descend(this.#root, segments, 1, values);
		if (!node) return undefined;
		// HEAD is GET without a body.
		const entry = node.entries.get(method) ?? (method === "HEAD" ? node.entries.get("GET") : undefined);
		if (!entry) return { allow: allowed(node.entries) };
		const fields: Record<string, string> = {};
		for (const [at, name] of entry.names.entries()) {
			const value = decoded(values[at]!);
			// What cannot be decoded is the name of nothing.
			if (value === undefined) return undefined;
			fields[name] = value;
		}
		return { target: entry.target, path: fields };
	}
}

function descend<Target>(node: Node<Target>, segments: readonly string[], at: number, values: string[]): Node<Target> | undefined {
	if (at === segments.length) return node.entries.size > 0 ? node : undefined;
	const segment = segments[at]!;
	const fixed = node.fixed.get(segment);
	const found = fixed && descend(fixed, segments, at + 1, values);
	if (found || !node.variable || segment === "") return found;
	values.push(segment);
	const through = descend(node.variable, segments, at + 1, values);
	if (!through) values.pop();
	return through;
}

function allowed(entries: ReadonlyMap<string, unknown>): string[] {
	const methods = [...entries.keys()];
	if (entries.has("GET")) methods.push("HEAD");
	return [...methods, "OPTIONS"];
}

function decoded(segment: string): string | undefined {
	if (!segment.includes("%")) return segment;
	try {
		return decodeURIComponent(segment);
	} catch {
		return undefined;
	}
}
