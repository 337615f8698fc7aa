import { describe, expect, it } from "@jest/globals";
import { changeRoles, changeStanding, type Grant, heldRoles, minuteOf, RefusalCounter } from "./authorization.domain.ts";

const aGrant = (given: Partial<Grant> = {}): Grant => ({
	userId: "usr_1",
	roles: ["customer"],
	version: 1,
	standing: "active",
	standingVersion: 0,
	changedAt: 0,
	...given,
});
const alone = { now: 5, otherAdministrators: false };
const withOthers = { now: 5, otherAdministrators: true };
const lastAdministrator = expect.objectContaining({ type: "last_administrator" });

describe("changing roles", () => {
	it("makes a new version", () =>
		expect(changeRoles(aGrant(), ["support"], alone)).toEqual(aGrant({ roles: ["support"], version: 2, changedAt: 5 })));

	it("to what they are, in any order, changes nothing", () => {
		const grant = aGrant({ roles: ["customer", "risk"] });
		expect(changeRoles(grant, ["risk", "customer"], alone)).toBe(grant);
	});

	it("never takes the last administrator away", () => {
		const admin = aGrant({ roles: ["admin"] });
		expect(() => changeRoles(admin, ["customer"], alone)).toThrow(lastAdministrator);
		expect(changeRoles(admin, ["customer"], withOthers).roles).toEqual(["customer"]);
		expect(changeRoles(admin, ["admin", "customer"], alone).version).toBe(2);
	});

	it("of a suspended administrator needs no other one: they held the role for nobody", () => {
		expect(changeRoles(aGrant({ roles: ["admin"], standing: "suspended" }), ["customer"], alone).roles).toEqual(["customer"]);
	});
});

describe("changing the standing", () => {
	it("suspends and restores, and keeps the roles for it", () => {
		const suspended = changeStanding(aGrant({ roles: ["risk"] }), { standing: "suspended", version: 1 }, alone);
		expect([suspended.roles, heldRoles(suspended), suspended.version]).toEqual([["risk"], [], 1]);
		expect(heldRoles(changeStanding(suspended, { standing: "active", version: 2 }, alone))).toEqual(["risk"]);
	});

	it("ignores what is older than what stands", () => {
		const grant = aGrant({ standingVersion: 3 });
		expect(changeStanding(grant, { standing: "suspended", version: 3 }, alone)).toBe(grant);
	});

	it("withdraws for good", () => {
		const withdrawn = changeStanding(aGrant(), { standing: "withdrawn", version: 1 }, alone);
		expect(withdrawn).toMatchObject({ roles: [], version: 2 });
		expect(changeStanding(withdrawn, { standing: "active", version: 9 }, alone)).toBe(withdrawn);
	});

	it("never takes the last administrator away", () => {
		const admin = aGrant({ roles: ["admin"] });
		for (const standing of ["suspended", "withdrawn"] as const) {
			expect(() => changeStanding(admin, { standing, version: 1 }, alone)).toThrow(lastAdministrator);
			expect(heldRoles(changeStanding(admin, { standing, version: 1 }, withOthers))).toEqual([]);
		}
	});
});

describe("counting refusals", () => {
	const refusal = { userId: "usr_1", action: "orders.list", permission: "orders:read" };
	const start = minuteOf(Date.UTC(2026, 0, 5, 9));

	it("tells the first of a minute at once and the rest as one number when it is over", () => {
		const counter = new RefusalCounter();
		expect([counter.count(refusal, start), counter.count(refusal, start + 1), counter.count(refusal, start + 59_999)]).toEqual([
			true,
			false,
			false,
		]);
		expect(counter.takeOver(start + 59_999)).toEqual([]);
		expect(counter.takeOver(start + 60_000)).toEqual([{ ...refusal, minute: start, untold: 2 }]);
		expect(counter.takeOver(start + 60_000)).toEqual([]);
	});

	it("counts again what was taken out and could not be told", () => {
		const counter = new RefusalCounter();
		for (const later of [0, 1, 2]) counter.count(refusal, start + later);
		const [untold] = counter.takeOver(start + 60_000);
		// One more of the same minute came meanwhile: the first that is counted from now on, and told at once.
		counter.count(refusal, start + 3);
		counter.putBack(untold!);
		expect(counter.takeOver(start + 60_000)).toEqual([{ ...refusal, minute: start, untold: 2 }]);
	});

	it("keeps principals, actions and minutes apart, and says nothing more of a single one", () => {
		const counter = new RefusalCounter();
		const told = [refusal, { ...refusal, userId: "usr_2" }, { ...refusal, action: "orders.get" }].map(one => counter.count(one, start));
		expect([...told, counter.count(refusal, start + 60_000)]).toEqual([true, true, true, true]);
		expect(counter.takeOver(Number.POSITIVE_INFINITY)).toEqual([]);
	});
});
