// Text as it is compared: for searching, sorting and slugs.

/** Letters that Unicode does not take apart, as people type them who do not have them. */
const plain: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

/** Without accents and capitals, so that "Zürich" and "zurich" are one. */
export const folded = (text: string) =>
	text
		.normalize("NFKD")
		.replace(/\p{M}+/gu, "")
		.toLowerCase()
		.replace(/[ßæœøłđðþı]/g, letter => plain[letter]!);

export const foldedWords = (text: string): string[] => folded(text).match(/[\p{L}\p{N}]+/gu) ?? [];

/** The slugs a name may get, best first. The last ends in the product's own id, which nobody else has. */
export function* slugsFor(name: string, id: string): Generator<string> {
	const latin = foldedWords(name).map(word => word.replace(/[^a-z0-9]/g, ""));
	const base = latin.filter(Boolean).join("-").slice(0, 100).replace(/-$/, "") || "product";
	yield base;
	for (let next = 2; next <= 9; next++) yield `${base}-${next}`;
	yield `${base}-${id.slice(-8)}`;
}
