// Registering across three owners. The email was claimed and the user id chosen by the transaction that began the saga; if it comes to nothing,
// the transaction that ends it lets the email go, so that no crash leaves an email that nobody can use.
import { ask } from "../../../lib/contract.ts";
import type { Role } from "../../../lib/principal.ts";
import type { SagaDefinition } from "../../../lib/saga.ts";
import { assignRoles, setStanding } from "../authorization/authorization.contract.ts";
import { createProfile, userStateConflict, withdrawProfile } from "../users/users.contract.ts";
import type { Authentication } from "./authentication.sessions.ts";
import type { AuthenticationTx } from "./authentication.store.ts";

export interface Registration {
	userId: string;
	roles: Role[];
}

// No version of a standing is higher: what was withdrawn here stays so.
const withdrawnForGood = Number.MAX_SAFE_INTEGER;

export const registerSaga = (service: Authentication): SagaDefinition<Registration, AuthenticationTx> => ({
	kind: "register",
	deadlineMs: 60_000,
	steps: [
		{
			name: "create profile",
			async run({ state: { userId } }) {
				const name = await service.store.reader.pendingName(userId);
				// Only an erased person has no name to register with.
				if (name === null) throw userStateConflict({ userId });
				await ask(service.broker, createProfile, { userId, name });
			},
			async undo({ state: { userId } }) {
				await ask(service.broker, withdrawProfile, { userId });
			},
		},
		{
			name: "assign roles",
			async run({ state: { userId, roles } }) {
				await ask(service.broker, assignRoles, { userId, roles });
			},
			async undo({ state: { userId } }) {
				await ask(service.broker, setStanding, { userId, standing: "withdrawn", version: withdrawnForGood });
			},
		},
		{
			name: "activate",
			pointOfNoReturn: true,
			async save(tx, { state: { userId } }) {
				await tx.activate(userId);
			},
		},
	],
	async ended(tx, { status, state: { userId } }) {
		if (status !== "succeeded") await tx.releaseEmail(userId);
	},
});
