// Disabling, enabling and erasing a person across three owners. Roles first: they alone can refuse (the last administrator).
// From there on it is only ever finished, whatever dies in between.
import { ask, tell } from "../../../lib/contract.ts";
import type { SagaDefinition } from "../../../lib/saga.ts";
import type { SqlService } from "../../../mixins/sql-store.ts";
import { erase, setDisabled } from "../authentication/authentication.contract.ts";
import { type Standing, setStanding } from "../authorization/authorization.contract.ts";
import { erased, type UserStatus } from "./users.contract.ts";
import { withStatus } from "./users.domain.ts";
import type { UsersTx } from "./users.store.ts";

export interface StatusChange {
	userId: string;
	target: UserStatus;
	/** Higher than that of every change before it, so that a late repeat of an older one is told apart. */
	version: number;
}

const standings: Readonly<Record<UserStatus, Standing>> = { active: "active", disabled: "suspended", erased: "withdrawn" };

export const changeStatusSaga = (service: SqlService<UsersTx>): SagaDefinition<StatusChange, UsersTx> => ({
	kind: "changeStatus",
	// Nothing is held for anybody meanwhile, and giving up would leave roles and status apart: it is tried until its owners are back.
	steps: [
		{
			name: "change roles",
			pointOfNoReturn: true,
			async run({ state: { userId, target, version } }) {
				await ask(service.broker, setStanding, { userId, standing: standings[target], version });
			},
		},
		{
			name: "change profile",
			async save(tx, { state: { userId, target } }) {
				const profile = await tx.lockProfile(userId);
				if (!profile || profile.status === target) return;
				await tx.saveProfile(withStatus(profile, target, tx.now()));
				if (target !== "erased") return;
				await tx.removeAddresses(userId);
				await tell(tx, erased, { userId });
			},
		},
		{
			name: "change credentials",
			async run({ state: { userId, target, version } }) {
				if (target === "erased") await ask(service.broker, erase, { userId });
				else await ask(service.broker, setDisabled, { userId, disabled: target === "disabled", version });
			},
		},
	],
	async ended(tx, { state: { userId } }) {
		await tx.setChanging(userId, null);
	},
});
