// Each route × each role, generated from the contracts: who may not is told so, who may is let through, and nothing breaks.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { newId } from "../../lib/ids.ts";
import { mayDo, type Role, roles } from "../../lib/principal.ts";
import { type Answer, type Asked, type Method, newKey, type ProblemBody, request } from "../support/http.ts";
import { allRoutes, type RouteUnderTest } from "../support/routes.ts";
import { type Stoa, startStoa } from "../support/stoa.ts";

let stoa: Stoa;
let routes: RouteUnderTest[];
beforeAll(async () => {
	stoa = await startStoa();
	routes = await allRoutes();
});
afterAll(() => stoa.stop());

type Refused = Answer<Partial<ProblemBody> | undefined>;

/** An empty body is wrong for most routes, and that is said after who asks was looked at. */
const call = ({ rest, path, hasBody }: RouteUnderTest, asked: Asked = {}): Promise<Refused> =>
	request(stoa, rest.method, path, { ...(hasBody ? { body: {}, key: newKey() } : {}), ...asked });
/** Somebody of whom only the token is known; a new one each time, as some routes end sessions or erase whoever asks. */
const anyoneWith = (role: Role) => stoa.as(newId("usr", Date.now()), [role]).accessToken;
const told = ({ status, body }: Refused) => ({ status, code: body?.code });
const isPermission = (allow: string) => allow !== "public" && allow !== "user";

/** What issue and API promise, by hand: the generated part below would not miss a route that is not there. */
const promised = `
	public POST /v1/auth/register
	public POST /v1/auth/login
	public POST /v1/auth/refresh
	user POST /v1/auth/logout
	user GET /v1/auth/sessions
	user DELETE /v1/auth/sessions/:
	user POST /v1/auth/password
	user GET /v1/users/me
	user PATCH /v1/users/me
	user DELETE /v1/users/me
	user GET /v1/users/me/addresses
	user POST /v1/users/me/addresses
	user PATCH /v1/users/me/addresses/:
	user DELETE /v1/users/me/addresses/:
	users:read GET /v1/users
	users:read GET /v1/users/:
	users:roles PUT /v1/users/:/roles
	users:write POST /v1/users/:/disable
	users:write POST /v1/users/:/enable
	users:write DELETE /v1/users/:
	user POST /v1/interactions
	user POST /v1/interactions/batch
	user GET /v1/interactions/:
	user GET /v1/users/me/interactions
	interactions:read GET /v1/users/:/interactions
	public GET /v1/products
	public GET /v1/products/:
	products:write POST /v1/products
	products:write PATCH /v1/products/:
	products:write DELETE /v1/products/:
	products:write POST /v1/products/:/variants
	products:write PATCH /v1/products/:/variants/:
	products:write DELETE /v1/products/:/variants/:
	public GET /v1/categories
	products:write POST /v1/categories
	products:write PATCH /v1/categories/:
	products:write DELETE /v1/categories/:
	public GET /v1/brands
	products:write POST /v1/brands
	products:write PATCH /v1/brands/:
	products:write DELETE /v1/brands/:
	public GET /v1/storefront/products/:
	public GET /v1/inventory/:
	inventory:write POST /v1/inventory/:/adjustments
	public POST /v1/carts
	public GET /v1/carts/:
	user GET /v1/carts/mine
	public POST /v1/carts/:/items
	public PATCH /v1/carts/:/items/:
	public DELETE /v1/carts/:/items/:
	public POST /v1/carts/:/merge
	public POST /v1/carts/:/checkout
	public GET /v1/operations/:
	user GET /v1/orders
	public GET /v1/orders/:
	public GET /v1/orders/:/timeline
	public POST /v1/orders/:/cancel
	user GET /v1/payments/:
	payments:read GET /v1/payments
	payments:capture POST /v1/payments/:/capture
	payments:refund POST /v1/payments/:/refunds
	public POST /v1/hooks/payments/:
	public POST /v1/sandbox/tokens
	public POST /v1/sandbox/authentications/:
	fraud:read GET /v1/fraud/users
	fraud:read GET /v1/fraud/users/:
	fraud:write POST /v1/fraud/users/:/clear
	fraud:read GET /v1/fraud/cases
	fraud:read GET /v1/fraud/cases/:
	fraud:write POST /v1/fraud/cases/:/claim
	fraud:write POST /v1/fraud/cases/:/release
	fraud:write POST /v1/fraud/cases/:/decision
	fraud:read GET /v1/fraud/rules
	fraud:rules PUT /v1/fraud/rules
	fraud:read GET /v1/fraud/rules/versions
	fraud:rules POST /v1/fraud/rules/backtest
	fraud:read GET /v1/fraud/decisions
	fraud:read GET /v1/fraud/lists/:
	fraud:write PUT /v1/fraud/lists/:/entries
	fraud:write DELETE /v1/fraud/lists/:/entries/:/:
	user GET /v1/notifications
	user POST /v1/notifications/:/read
	events:read GET /v1/events
	events:replay POST /v1/events/replay
	events:read GET /v1/dead-letters
	events:replay POST /v1/dead-letters/:/redrive
	events:replay POST /v1/dead-letters/:/drop
	sagas:read GET /v1/sagas
	sagas:read GET /v1/sagas/:
	sagas:write POST /v1/sagas/:/retry
	sagas:write POST /v1/sagas/:/compensate
	audit:read GET /v1/audit
	operations:read GET /v1/nodes
	operations:read GET /v1/outbox
`;

describe("the routes", () => {
	it("are all that was promised, each for whom it was promised", () => {
		const found = routes.map(({ allow, title }) => `${allow} ${title.replaceAll(/:[A-Za-z]+/g, ":")}`);
		const wanted = promised.split("\n").flatMap(line => line.trim() || []);
		expect(wanted.filter(line => !found.includes(line))).toEqual([]);
	});

	it("that move money, stock or orders ask for an Idempotency-Key", () => {
		const keyed = routes.filter(({ rest }) => rest.idempotencyKey === "required").map(({ title }) => title);
		expect(keyed.sort()).toEqual([
			"POST /v1/carts/:id/checkout",
			"POST /v1/inventory/:sku/adjustments",
			"POST /v1/orders/:id/cancel",
			"POST /v1/payments/:id/capture",
			"POST /v1/payments/:id/refunds",
		]);
	});
});

describe("somebody without a token", () => {
	it("is asked to sign in wherever it is needed, and told how", async () => {
		for (const route of routes.filter(({ allow }) => allow !== "public")) {
			const answer = await call(route);
			expect({ route: route.title, ...told(answer) }).toEqual({ route: route.title, status: 401, code: "unauthenticated" });
			expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
		}
	});

	it("is never asked to, nor forbidden anything, where it is not needed", async () => {
		for (const route of routes.filter(({ allow, rest }) => allow === "public" && !rest.ignoresToken)) {
			const { status } = await call(route);
			expect({ route: route.title, refused: status === 401 || status === 403 || status >= 500 }).toEqual({
				route: route.title,
				refused: false,
			});
		}
	});
});

describe.each(roles.map(role => [role]))("a %s", role => {
	it("is refused what the role does not bring, and told which permission that is", async () => {
		for (const route of routes.filter(({ allow }) => isPermission(allow) && !mayDo({ roles: [role] }, allow))) {
			const answer = await call(route, { token: anyoneWith(role) });
			expect({ route: route.title, ...told(answer) }).toEqual({ route: route.title, status: 403, code: "permission_missing" });
			expect(answer.body!.detail).toContain(route.allow);
		}
	});

	it("is let through to everything else, and nothing breaks", async () => {
		for (const route of routes.filter(({ allow }) => !isPermission(allow) || mayDo({ roles: [role] }, allow))) {
			const { status } = await call(route, { token: anyoneWith(role) });
			const isOfToken = route.rest.ignoresToken === true && status === 401;
			expect({ route: route.title, status, passed: isOfToken || (status !== 401 && status !== 403 && status < 500) }).toEqual({
				route: route.title,
				status,
				passed: true,
			});
		}
	});
});

describe("what is no route", () => {
	it.each(["/", "/v1", "/v1/nothing", "/v2/products", "/v1/carts/x/y/z", "/v1//products", "/v1/$node/list", "/v1/products/%zz", "/api"])(
		"%s is 404",
		async path => {
			expect(told(await request(stoa, "GET", path))).toEqual({ status: 404, code: "not_found" });
		},
	);

	it("no internal action of the mesh can be called by any path", async () => {
		for (const path of [
			"/inventory/reserve",
			"/v1/inventory.reserve",
			"/payments/captureAll",
			"/fraud/assess",
			"/v1/fraud.clearUserAtPrompt",
			"/$node/services",
			"/orders/recent",
		]) {
			expect((await request(stoa, "POST", path, { body: {}, token: anyoneWith("admin") })).status).toBe(404);
		}
	});

	it("another verb on a known path is 405 and names those there are", async () => {
		const verbs: Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
		for (const { path, rest } of routes) {
			const there = routes.filter(other => other.rest.path === rest.path).map(other => other.rest.method as Method);
			// A fixed segment hides a variable one: /users/me is its own path.
			const shape = new RegExp(`^${rest.path.replaceAll(/:[A-Za-z]+/g, "[^/]+")}$`);
			const alike = routes.filter(other => shape.test(other.path) || other.path === path).map(other => other.rest.method as Method);
			const [wrong] = verbs.filter(verb => !there.includes(verb) && !alike.includes(verb));
			if (!wrong) continue;
			const answer: Refused = await request(stoa, wrong, path, { token: anyoneWith("admin") });
			expect({ asked: `${wrong} ${path}`, ...told(answer) }).toEqual({
				asked: `${wrong} ${path}`,
				status: 405,
				code: "method_not_allowed",
			});
			for (const verb of there) expect(answer.headers.get("allow")).toContain(verb);
		}
	});

	it("HEAD answers as GET does, without a body", async () => {
		for (const route of routes.filter(({ rest }) => rest.method === "GET")) {
			const token = anyoneWith("admin");
			const [read, head] = [await call(route, { token }), await request(stoa, "HEAD", route.path, { token })];
			expect({ route: route.title, status: head.status, bytes: head.bytes.length }).toEqual({
				route: route.title,
				status: read.status,
				bytes: 0,
			});
		}
	});
});

describe("every refusal", () => {
	it("is a problem that says what it is and tells nothing of the house", async () => {
		for (const route of routes) {
			const answer = await call(route);
			if (answer.status < 400) continue;
			const { status, headers, body, bytes } = answer;
			expect({ route: route.title, type: headers.get("content-type") }).toEqual({
				route: route.title,
				type: expect.stringMatching(/^application\/problem\+json/),
			});
			expect(body).toMatchObject({ status, type: expect.any(String), title: expect.any(String), retryable: expect.any(Boolean) });
			expect(body!.requestId).toBe(headers.get("x-request-id"));
			expect(bytes.toString()).not.toMatch(/node_modules|\.ts\b|moleculer|nodeID|sqlite|at Object\./i);
		}
	});
});
