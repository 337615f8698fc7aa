import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson } from "../../../lib/canonical.ts";
import { sha256 } from "../../../lib/crypto.ts";
import type { Envelope } from "../../../lib/vocabulary.ts";
import { beginning, entryOf, follows, type Head, headAt, type Link, linkOf } from "./audit.domain.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const facts = fc.array(
	fc.record({
		id: text,
		type: text,
		key: text,
		occurredAt: text,
		requestId: fc.option(text),
		actor: fc.option(fc.record({ kind: fc.constantFrom("user", "guest", "system", "operator"), id: text })),
		data: fc.dictionary(text, fc.jsonValue()),
	}),
	{ minLength: 1, maxLength: 8 },
) as unknown as fc.Arbitrary<Envelope[]>;

function chainOf(told: readonly Envelope[]): Link[] {
	const links: Link[] = [];
	for (const fact of told) links.push(linkOf(links.length > 0 ? headAt(links.at(-1)!) : beginning, fact));
	return links;
}

function isWhole(links: readonly Link[]): boolean {
	let head: Head = beginning;
	return links.every(link => {
		const fits = follows(head, link);
		head = headAt(link);
		return fits;
	});
}

describe("chaining facts", () => {
	it("makes a chain that verifies, of whatever facts", () => {
		fc.assert(fc.property(facts, told => isWhole(chainOf(told))));
	});

	it("hashes exactly the canonical JSON of the entry that clients are shown", () => {
		fc.assert(
			fc.property(facts, told => {
				for (const link of chainOf(told)) {
					const { hash, ...content } = entryOf(link);
					expect(sha256(canonicalJson(content))).toBe(hash);
				}
			}),
		);
	});

	it("notices any field of any entry that says something else", () => {
		const changed = fc.constantFrom<keyof Link>("id", "at", "actorId", "action", "factKey", "requestId", "data", "previousHash", "hash");
		fc.assert(
			fc.property(facts, fc.nat(), changed, (told, at, field) => {
				const links = chainOf(told);
				const index = at % links.length;
				const tampered = links.with(index, { ...links[index]!, [field]: `${links[index]![field]}x` });
				expect(isWhole(tampered)).toBe(false);
			}),
		);
	});

	it("keeps facts apart that would read the same if fields ran into each other", () => {
		const fact = { id: "a", type: "b", key: "c", occurredAt: "d", requestId: null, actor: null, data: {} } as unknown as Envelope;
		expect(linkOf(beginning, { ...fact, key: 'c","x":"' }).hash).not.toBe(linkOf(beginning, { ...fact, type: 'b","x":"' }).hash);
	});
});
