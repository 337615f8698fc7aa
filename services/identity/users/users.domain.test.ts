import { describe, expect, it } from "@jest/globals";
import { type AddressRow, composeUser, mustChange, type Profile, patchAddress, withStatus } from "./users.domain.ts";

const aProfile = (given: Partial<Profile> = {}): Profile => ({
	userId: "usr_1",
	name: "Ada",
	status: "active",
	version: 1,
	changing: null,
	createdAt: 0,
	updatedAt: 0,
	...given,
});
const at = (ms: number) => new Date(ms).toISOString();

describe("a user", () => {
	const grant = { userId: "usr_1", roles: ["customer" as const], version: 1, changedAt: at(0) };

	it("is composed from profile, email and roles, and begins with version 1", () => {
		expect(composeUser(aProfile(), "ada@example.com", grant)).toEqual({
			id: "usr_1",
			email: "ada@example.com",
			name: "Ada",
			roles: ["customer"],
			status: "active",
			createdAt: at(0),
			updatedAt: at(0),
			version: 1,
		});
	});

	it("has a new version and time when either part changes", () => {
		expect(composeUser(aProfile({ version: 2, updatedAt: 5 }), "a@b.c", grant)).toMatchObject({ version: 2, updatedAt: at(5) });
		expect(composeUser(aProfile({ updatedAt: 5 }), "a@b.c", { ...grant, version: 3, changedAt: at(9) })).toMatchObject({
			version: 3,
			updatedAt: at(9),
		});
	});

	it("that was erased has an email that reaches nobody", () => {
		const erased = withStatus(aProfile(), "erased", 7);
		expect(composeUser(erased, undefined, { ...grant, roles: [] })).toMatchObject({
			email: "erased-usr_1@invalid",
			name: "Erased person",
			roles: [],
		});
	});
});

describe("changing the status", () => {
	it("has nothing to do where it stands already", () => {
		for (const status of ["active", "disabled", "erased"] as const) expect(mustChange(aProfile({ status }), status)).toBe(false);
	});
	it("is refused for an erased person", () => {
		for (const target of ["active", "disabled"] as const)
			expect(() => mustChange(aProfile({ status: "erased" }), target)).toThrow(expect.objectContaining({ type: "user_state_conflict" }));
	});
	it("keeps the name unless the person is erased", () => {
		expect(withStatus(aProfile(), "disabled", 7)).toEqual(aProfile({ status: "disabled", version: 2, updatedAt: 7 }));
		expect(withStatus(aProfile(), "erased", 7).name).toBe("Erased person");
	});
});

describe("changing an address", () => {
	const address = { name: "Ada", line1: "1 Stoa", line2: "left", city: "Athens", postalCode: "10555", country: "GR" };
	const row: AddressRow = { id: "adr_1", userId: "usr_1", address, version: 1, createdAt: 0, updatedAt: 0 };

	it("merges what is given and takes away what is null", () => {
		const changed = patchAddress(row, { city: "Piraeus", line2: null }, 9);
		const { line2: _gone, ...rest } = address;
		expect(changed).toEqual({ ...row, address: { ...rest, city: "Piraeus" }, version: 2, updatedAt: 9 });
	});
	it("changes nothing when nothing is other", () => {
		expect(patchAddress(row, {}, 9)).toBe(row);
		expect(patchAddress(row, { city: "Athens", region: null }, 9)).toBe(row);
	});
});
