// What analysts work on: who is flagged, and the cases that wait for somebody's decision.
import Type, { type Static } from "typebox";
import { action, event } from "../../../lib/contract.ts";
import { failure, notFound, serviceUnavailable, validationFailed, versionStale } from "../../../lib/failure.ts";
import { Id, Page, Paging, Text, Time, Reason as Why } from "../../../lib/vocabulary.ts";
import { entityKinds } from "./rules.contract.ts";

const UserId = Id("usr");
const CaseId = Id("cas");

export const Reason = Type.Object(
	{ rule: Type.String(), at: Time, detail: Type.String() },
	{ $id: "RiskReason", description: "Which rule matched, when, and what it saw." },
);
export type Reason = Static<typeof Reason>;

export const FraudUser = Type.Object(
	{
		userId: UserId,
		status: Type.Enum(["clear", "flagged"]),
		reasons: Type.Array(Reason),
		counters: Type.Object({ interactions: Type.Integer({ minimum: 0, description: "Distinct interactions for life." }) }),
		flaggedAt: Type.Optional(Time),
	},
	{ $id: "FraudUser", description: "How somebody stands. Whoever was never heard of is clear." },
);
export type FraudUser = Static<typeof FraudUser>;

export const CaseEntity = Type.Object({ kind: Type.Enum([...entityKinds, "order"]), id: Type.String() });
export type CaseEntity = Static<typeof CaseEntity>;

export const CaseStatus = Type.Enum(["open", "claimed", "closed"]);
export const CaseDecision = Type.Enum(["confirmed", "falsePositive", "unsure"]);
export type CaseDecision = Static<typeof CaseDecision>;

export const Case = Type.Object(
	{
		id: CaseId,
		userId: Type.Optional(UserId),
		orderId: Type.Optional(Id("ord")),
		entity: CaseEntity,
		status: CaseStatus,
		reasons: Type.Array(Reason),
		assignee: Type.Optional(UserId),
		decision: Type.Optional(CaseDecision),
		note: Type.Optional(Type.String()),
		openedAt: Time,
		closedAt: Type.Optional(Time),
		version: Type.Integer({ minimum: 1 }),
	},
	{ $id: "Case", description: "Something that a person has to judge. An entity has at most one that is open or claimed." },
);
export type Case = Static<typeof Case>;

const about = { caseId: Type.String() };
export const caseAlreadyClaimed = failure<{ caseId: string }>(
	"conflict",
	"case_already_claimed",
	({ caseId }) => `${caseId} was claimed by somebody else.`,
);
export const caseNotYours = failure<{ caseId: string }>(
	"conflict",
	"case_not_yours",
	({ caseId }) => `${caseId} is not yours: claim it first.`,
);
export const caseStateConflict = failure<{ caseId: string; status: string }>(
	"conflict",
	"case_state_conflict",
	({ caseId, status }) => `${caseId} is ${status}; that does not allow this.`,
);

const tag = "Risk";
const read = { allow: "fraud:read", idempotent: true } as const;
const CasePath = Type.Object({ id: CaseId });

export const getUser = action({
	name: "fraud.getUser",
	summary: "How somebody stands: flagged or clear, why, and how much they did.",
	...read,
	rest: { method: "GET", path: "/v1/fraud/users/:id", tag },
	params: Type.Object({ id: UserId }),
	returns: FraudUser,
	throws: [notFound, serviceUnavailable],
});

export const listUsers = action({
	name: "fraud.listUsers",
	summary: "Those who are flagged, or were once.",
	...read,
	rest: { method: "GET", path: "/v1/fraud/users", tag },
	params: Type.Object({ status: Type.Optional(FraudUser.properties.status), ...Paging }),
	returns: Page(FraudUser),
	throws: [validationFailed],
});

export const clearUser = action({
	name: "fraud.clearUser",
	summary: "Clear somebody: flag and the rules' memory of them go, and their case is closed. Who is clear stays so.",
	allow: "fraud:write",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/fraud/users/:id/clear", tag },
	params: Type.Object({ id: UserId, reason: Why }),
	returns: FraudUser,
	throws: [notFound, serviceUnavailable],
});

export const listCases = action({
	name: "fraud.listCases",
	summary: "Cases, newest first.",
	...read,
	rest: { method: "GET", path: "/v1/fraud/cases", tag },
	params: Type.Object({ status: Type.Optional(CaseStatus), userId: Type.Optional(UserId), ...Paging }),
	returns: Page(Case),
	throws: [validationFailed],
});

export const getCase = action({
	name: "fraud.getCase",
	summary: "One case, with every reason that joined it.",
	...read,
	rest: { method: "GET", path: "/v1/fraud/cases/:id", tag },
	params: CasePath,
	returns: Case,
	throws: [notFound],
});

export const claimCase = action({
	name: "fraud.claimCase",
	summary: "Take a case. One's own again is answered as it is.",
	allow: "fraud:write",
	rest: { method: "POST", path: "/v1/fraud/cases/:id/claim", tag },
	params: CasePath,
	returns: Case,
	throws: [notFound, caseAlreadyClaimed, caseStateConflict, versionStale],
});

export const releaseCase = action({
	name: "fraud.releaseCase",
	summary: "Give a case back. One that is open is answered as it is.",
	allow: "fraud:write",
	rest: { method: "POST", path: "/v1/fraud/cases/:id/release", tag },
	params: CasePath,
	returns: Case,
	throws: [notFound, caseNotYours, caseStateConflict, versionStale],
});

export const decideCase = action({
	name: "fraud.decideCase",
	summary: "Decide a case that one has claimed. `unsure` is noted and leaves it claimed.",
	allow: "fraud:write",
	timeoutMs: 8000,
	rest: { method: "POST", path: "/v1/fraud/cases/:id/decision", tag },
	params: Type.Object({ id: CaseId, decision: CaseDecision, note: Type.Optional(Text(2000)) }),
	returns: Case,
	throws: [notFound, caseNotYours, caseStateConflict, versionStale, serviceUnavailable],
});

// --- facts

const fact = { version: 1, delivery: "durable" } as const;
const People = Type.Object({ userId: UserId, reasons: Type.Array(Reason) });

export const userFlagged = event({
	...fact,
	name: "fraud.userFlagged",
	key: "userId",
	summary: "Somebody is flagged: every checkout of theirs is challenged until they are cleared. Also broadcast.",
	payload: People,
});

export const userCleared = event({
	...fact,
	name: "fraud.userCleared",
	key: "userId",
	summary: "Somebody who was flagged is clear again; `reasons` are those that fell. Also broadcast.",
	payload: People,
});

export const caseOpened = event({
	...fact,
	name: "fraud.caseOpened",
	key: "caseId",
	summary: "Something waits for an analyst.",
	payload: Type.Object({ ...about, entity: CaseEntity, userId: Type.Optional(UserId), orderId: Type.Optional(Id("ord")) }),
});

export const caseClosed = event({
	...fact,
	name: "fraud.caseClosed",
	key: "caseId",
	summary: "An analyst has decided, or there was nothing left to decide (`decision` absent).",
	payload: Type.Object({
		...about,
		entity: CaseEntity,
		userId: Type.Optional(UserId),
		orderId: Type.Optional(Id("ord")),
		decision: Type.Optional(CaseDecision),
		by: Type.Optional(UserId),
	}),
});

export const orderDecided = event({
	...fact,
	name: "fraud.orderDecided",
	key: "orderId",
	summary: "An analyst has judged an order: it goes on, or it is undone.",
	payload: Type.Object({ orderId: Id("ord"), decision: Type.Enum(["approved", "rejected"]), caseId: CaseId }),
});
