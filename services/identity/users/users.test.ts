import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { etagOf } from "../../../lib/canonical.ts";
import { handClock } from "../../../lib/clock.ts";
import { ask, type Meta } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { anEmail, bearer, factsOf, matching, password, peopleOf, refused } from "../../../test/support/people.ts";
import { type Stoa, startStoa } from "../../../test/support/stoa.ts";
import * as users from "./users.contract.ts";

const address = { name: "Ada", line1: "1 Stoa", city: "Athens", postalCode: "10555", country: "GR" };

describe("people", () => {
	const clock = handClock();
	let stoa: Stoa;
	let admin: Meta;
	let support: Meta;
	const { register } = peopleOf(() => stoa);

	beforeAll(async () => {
		stoa = await startStoa({ services: ["identity"], clock });
		admin = stoa.as("usr_admin", ["admin"]);
		support = stoa.as("usr_support", ["support"]);
	});
	afterAll(() => stoa.stop());

	async function somebody(name = "Ada") {
		clock.move(1);
		const email = anEmail();
		const session = await register(email, {}, password, name);
		return { ...session, email, id: session.user.id, meta: bearer(session) };
	}
	const get = (id: string, meta = support) => ask(stoa.broker, users.getUser, { id }, { meta });

	describe("reading", () => {
		it("shows a person themselves and the staff anybody", async () => {
			const ada = await somebody();
			const user = await ask(stoa.broker, users.me, {}, { meta: ada.meta });
			expect(user).toEqual({ ...ada.user, email: ada.email, name: "Ada", roles: ["customer"], status: "active", version: 1 });
			expect(await get(ada.id)).toEqual(user);
			await expect(get(newId("usr", 0))).rejects.toEqual(refused("not_found"));
			await expect(get(ada.id, ada.meta)).rejects.toEqual(refused("permission_missing"));
			await expect(ask(stoa.broker, users.me, {})).rejects.toEqual(refused("unauthenticated"));
		});

		it("lists newest first, page by page, by status, and by email in any spelling", async () => {
			const [one, two, three] = [await somebody(), await somebody(), await somebody()];
			const list = (params: object) => ask(stoa.broker, users.listUsers, params, { meta: support });
			const first = await list({ limit: 2 });
			expect(first.data.map(user => user.id)).toEqual([three.id, two.id]);
			const second = await list({ limit: 2, cursor: first.nextCursor });
			expect(second.data[0]).toEqual(await get(one.id));
			expect(await list({ email: two.email.toUpperCase() })).toEqual({ data: [await get(two.id)], nextCursor: null });
			expect(await list({ email: "nobody@example.com" })).toEqual({ data: [], nextCursor: null });
			expect(await list({ email: two.email, status: "disabled" })).toEqual({ data: [], nextCursor: null });
			await ask(stoa.broker, users.disable, { id: two.id }, { meta: admin });
			expect((await list({ status: "disabled" })).data.map(user => user.id)).toEqual([two.id]);
			await expect(list({ cursor: "nonsense" })).rejects.toEqual(refused("validation_failed"));
			await expect(list({ limit: 101 })).rejects.toEqual(refused("validation_failed"));
		});

		it("composes many with two calls, however many they are", async () => {
			const ids = [(await somebody()).id, (await somebody()).id, newId("usr", 0), (await somebody()).id];
			const { users: composed } = await ask(stoa.broker, users.compose, { userIds: ids });
			expect(composed.map(user => user.id)).toEqual(ids.filter((_, n) => n !== 2));
			const { profiles } = await ask(stoa.broker, users.profilesOf, { userIds: ids });
			expect(profiles).toHaveLength(3);
			expect(profiles).toContainEqual({ userId: ids[0], name: "Ada", status: "active" });
		});
	});

	describe("changing oneself", () => {
		const change = (meta: Meta, params: object) => ask(stoa.broker, users.changeMe, params, { meta });

		it("changes the name and tells which field, not what stands in it", async () => {
			const ada = await somebody();
			clock.move(1000);
			const changed = await change(ada.meta, { name: "Augusta" });
			expect(changed).toMatchObject({
				name: "Augusta",
				version: 2,
				createdAt: ada.user.createdAt,
				updatedAt: new Date(clock.now()).toISOString(),
			});
			const fact = (await factsOf(stoa, "users.profileChanged")).at(-1)!;
			expect(fact).toMatchObject({ key: ada.id, actor: null, data: { userId: ada.id, fields: ["name"] } });
			expect(await change(ada.meta, { name: "Augusta" })).toEqual(changed);
			expect(await change(ada.meta, {})).toEqual(changed);
		});

		it("honours If-Match", async () => {
			const ada = await somebody();
			const changed = await change(matching(ada.meta, `"other", ${etagOf(ada.user)}`), { name: "Augusta" });
			await expect(change(matching(ada.meta, etagOf(ada.user)), { name: "Ada" })).rejects.toMatchObject({
				type: "version_stale",
				code: 412,
			});
			await expect(change(matching(ada.meta, `W/${etagOf(changed)}`), { name: "Ada" })).rejects.toEqual(refused("version_stale"));
			await change(matching(ada.meta, "*"), { name: "Ada" });
		});

		it("lets one of two win who read the same version", async () => {
			const ada = await somebody();
			const meta = matching(ada.meta, etagOf(ada.user));
			const answers = await Promise.allSettled([change(meta, { name: "One" }), change(meta, { name: "Two" })]);
			expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
		});

		it("refuses what is not the person's to change, and names with NUL", async () => {
			const ada = await somebody();
			for (const params of [{ roles: ["admin"] }, { email: "x@example.com" }, { name: "" }, { name: "a\u0000b" }, { name: null }])
				await expect(change(ada.meta, params)).rejects.toEqual(refused("validation_failed"));
		});
	});

	describe("addresses", () => {
		const add = (meta: Meta, params = address) => ask(stoa.broker, users.addAddress, params, { meta });

		it("are kept, listed newest first, changed and removed", async () => {
			const { meta } = await somebody();
			const first = await add(meta);
			expect(first).toEqual({
				id: expect.stringMatching(/^adr_/),
				...address,
				createdAt: expect.any(String),
				updatedAt: first.createdAt,
				version: 1,
			});
			clock.move(1);
			const second = await add(meta);
			const page = await ask(stoa.broker, users.listAddresses, { limit: 1 }, { meta });
			expect(page.data).toEqual([second]);
			expect(await ask(stoa.broker, users.listAddresses, { cursor: page.nextCursor! }, { meta })).toEqual({
				data: [first],
				nextCursor: null,
			});
			const changed = await ask(stoa.broker, users.changeAddress, { id: first.id, line2: "left", city: "Piraeus" }, { meta });
			expect(changed).toMatchObject({ line2: "left", city: "Piraeus", version: 2 });
			const { line2: _gone, ...without } = changed;
			expect(await ask(stoa.broker, users.changeAddress, { id: first.id, line2: null }, { meta })).toEqual({ ...without, version: 3 });
			const remove = () => ask(stoa.broker, users.removeAddress, { id: first.id }, { meta });
			expect(await remove()).toBeNull();
			await expect(remove()).rejects.toEqual(refused("not_found"));
		});

		it("of another person are not there", async () => {
			const mine = await somebody();
			const stranger = await somebody();
			const { id } = await add(mine.meta);
			await expect(ask(stoa.broker, users.getAddress, { id }, { meta: stranger.meta })).rejects.toEqual(refused("not_found"));
			await expect(ask(stoa.broker, users.changeAddress, { id, city: "X" }, { meta: stranger.meta })).rejects.toEqual(refused("not_found"));
			await expect(ask(stoa.broker, users.removeAddress, { id }, { meta: stranger.meta })).rejects.toEqual(refused("not_found"));
			expect(await ask(stoa.broker, users.getAddress, { id }, { meta: mine.meta })).toMatchObject({ version: 1 });
		});

		it("honour If-Match on change and removal", async () => {
			const { meta } = await somebody();
			const first = await add(meta);
			const stale = matching(meta, '"other"');
			await expect(ask(stoa.broker, users.changeAddress, { id: first.id, city: "X" }, { meta: stale })).rejects.toEqual(
				refused("version_stale"),
			);
			await expect(ask(stoa.broker, users.removeAddress, { id: first.id }, { meta: stale })).rejects.toEqual(refused("version_stale"));
			await ask(stoa.broker, users.removeAddress, { id: first.id }, { meta: matching(meta, etagOf(first)) });
		});

		it("refuse a country that is no code and fields they do not know", async () => {
			const { meta } = await somebody();
			await expect(add(meta, { ...address, country: "Greece" })).rejects.toMatchObject({ data: { errors: [{ pointer: "/country" }] } });
			await expect(add(meta, { ...address, userId: "usr_1" } as never)).rejects.toMatchObject({
				data: { errors: [{ pointer: "/userId", code: "unknown_field" }] },
			});
		});
	});

	describe("a registration", () => {
		it("makes a profile once and tells it once", async () => {
			const userId = newId("usr", clock.now());
			const create = () => ask(stoa.broker, users.createProfile, { userId, name: "Ada" });
			await create();
			await create();
			expect((await factsOf(stoa, "users.registered")).filter(fact => fact.key === userId)).toHaveLength(1);
		});

		it("that was undone refuses its late profile, and leaves an erased person when there was one", async () => {
			const [late, early] = [newId("usr", clock.now()), newId("usr", clock.now())];
			const create = (userId: string) => ask(stoa.broker, users.createProfile, { userId, name: "Ada" });
			const withdraw = (userId: string) => ask(stoa.broker, users.withdrawProfile, { userId });
			await withdraw(late);
			await expect(create(late)).rejects.toEqual(refused("user_state_conflict"));
			await create(early);
			await withdraw(early);
			await withdraw(early);
			expect((await factsOf(stoa, "users.erased")).filter(fact => fact.key === early)).toHaveLength(1);
			expect((await ask(stoa.broker, users.profilesOf, { userIds: [early] })).profiles).toMatchObject([
				{ name: "Erased person", status: "erased" },
			]);
		});
	});
});
