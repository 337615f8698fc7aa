// Shelves, a made-up service with one route of every sort, for tests of the gateway.
import Type from "typebox";
import { type Allow, action, type Route } from "../../lib/contract.ts";
import { failure, notFound, StoaFailure, serviceUnavailable } from "../../lib/failure.ts";
import { replay } from "../../lib/idempotency.ts";
import { Id, Nothing, Page, Paging, Text } from "../../lib/vocabulary.ts";
import { type GatewayUnderTest, type StubContext, startGateway } from "./gateway.ts";

export const shelfId = "shf_01jd9w6qkz8m4f2v7b3c5n1x0r";
const Shelf = Type.Object({ id: Id("shf"), name: Type.String(), version: Type.Integer() });
export const shelf = { id: shelfId, name: "Upper", version: 1 };
const lasting = Object.freeze({ ...shelf });

const tooFull = failure<{ room: number; secret: string }>("conflict", "shelf_too_full", ({ room }) => `There is room for ${room}.`, [
	"room",
]);

const declare = (verb: string, allow: Allow, rest: Route, params: Record<string, Type.TSchema> = {}, returns: Type.TSchema = Shelf) =>
	action({
		name: `shelves.${verb}`,
		summary: "For tests.",
		allow,
		rest,
		params: Type.Object(params),
		returns,
		throws: [notFound, tooFull],
	});

const byId = { id: Id("shf") };
export const get = declare("get", "public", { method: "GET", path: "/v1/shelves/:id" }, byId);
const list = declare(
	"list",
	"public",
	{ method: "GET", path: "/v1/shelves" },
	{
		...Paging,
		full: Type.Optional(Type.Boolean()),
		kind: Type.Optional(Type.Array(Type.String())),
		email: Type.Optional(Text(100)),
	},
	Page(Shelf),
);
const create = declare(
	"create",
	"public",
	{ method: "POST", path: "/v1/shelves", status: 201, location: "/v1/shelves/{id}" },
	{
		name: Text(100),
		quantity: Type.Optional(Type.Integer({ minimum: 1 })),
		facts: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
		ean: Type.Optional(Type.String()),
	},
);
const change = declare(
	"change",
	"shelves:write",
	{ method: "PATCH", path: "/v1/shelves/:id" },
	{ ...byId, name: Type.Optional(Text(100)) },
);
const remove = declare("remove", "user", { method: "DELETE", path: "/v1/shelves/:id" }, byId, Nothing);
const move = declare(
	"move",
	"public",
	{ method: "POST", path: "/v1/shelves/:id/moves", idempotencyKey: "required" },
	{ ...byId, to: Text(20) },
);
const first = declare("first", "public", { method: "GET", path: "/v1/shelves/first" });
const fail = declare("fail", "public", { method: "POST", path: "/v1/shelves/:id/fail" }, { ...byId, how: Text(20) });
const away = declare("away", "public", { method: "GET", path: "/v1/away" });
const tokenize = declare(
	"tokenize",
	"public",
	{ method: "POST", path: "/v1/cards", cardDataAt: ["number"] },
	{ number: Type.String(), note: Type.Optional(Type.String()) },
);
const hook = declare(
	"hook",
	"public",
	{ method: "POST", path: "/v1/hooks/:provider", rawBody: true, ignoresToken: true },
	{
		provider: Type.String(),
		rawBody: Type.String(),
		signature: Type.Optional(Type.String()),
	},
	Type.Object({ raw: Type.String(), signature: Type.String() }),
);
const signIn = declare("signIn", "public", { method: "POST", path: "/v1/auth/shelves", ignoresToken: true });

const contracts = { get, list, create, change, remove, move, first, fail, away, tokenize, hook, signIn };

function failing(ctx: StubContext): never {
	const how = ctx.params.how as string;
	if (how === "declared") throw tooFull({ room: 3, secret: "sesame" });
	if (how === "bug") throw new TypeError("password is sesame, at node-7");
	if (how === "defect") throw new StoaFailure("defect", "ledger_broken", "sums differ by sesame", {});
	if (how === "absent") throw Object.assign(new Error("Service 'x.y' is not found on node-7"), { name: "ServiceNotFoundError", code: 404 });
	if (how === "down") throw serviceUnavailable({ retryAfterSeconds: 7 });
	return replay<never>(
		ctx,
		{ refusal: { kind: "conflict", code: "shelf_too_full", message: "There is room for 3.", data: { room: 3 } } },
		"req_first",
	);
}

export interface ShelvesUnderTest extends GatewayUnderTest {
	/** What the service was last asked with. */
	seen: StubContext;
}

export async function startShelves(env: Record<string, string>): Promise<ShelvesUnderTest> {
	const noting = (result: unknown) => (ctx: StubContext) => {
		shelves.seen = ctx;
		return result;
	};
	const gateway = await startGateway({
		contracts,
		env: { STOA_RATE_LIMITS: "off", ...env },
		answers: [
			[get, ctx => (ctx.locals.principal ? noting({ ...shelf })(ctx) : noting(lasting)(ctx))],
			[list, noting({ data: [shelf], nextCursor: null })],
			[create, noting(shelf)],
			[change, noting(shelf)],
			[remove, noting(null)],
			[move, ctx => replay(ctx, { result: noting(shelf)(ctx), status: 200 }, "req_first")],
			[first, noting(shelf)],
			[fail, failing],
			[tokenize, noting(shelf)],
			[hook, ctx => ({ raw: ctx.params.rawBody, signature: ctx.params.signature })],
			[signIn, noting(shelf)],
		],
	});
	const shelves: ShelvesUnderTest = { ...gateway, seen: undefined as never };
	return shelves;
}
