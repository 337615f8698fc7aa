// Who is who: accounts, passwords, sessions. The actions stand one by one in actions/; this is their table of contents.
import { defineService } from "../../../lib/service.ts";
import { sqlStore } from "../../../mixins/sql-store.ts";
import { emailsOf, erase, setDisabled, userByEmail } from "./actions/accounts.ts";
import { changePassword } from "./actions/change-password.ts";
import { login } from "./actions/login.ts";
import { refresh } from "./actions/refresh.ts";
import { ensureAdministrator, ensureUser, register } from "./actions/register.ts";
import { endedSessions, endSession, endSessions, listSessions, logout } from "./actions/sessions.ts";
import { Passwords } from "./authentication.passwords.ts";
import type { Authentication } from "./authentication.sessions.ts";
import { AuthenticationTx } from "./authentication.store.ts";
import { accounts } from "./migrations/0001-accounts.ts";
import { attemptLocks } from "./migrations/0002-attempt-locks.ts";
import { registerSaga } from "./register.saga.ts";

const forgetEveryMs = 10 * 60_000;

export default defineService<Authentication & { forgetting?: NodeJS.Timeout }>({
	name: "authentication",
	mixins: [
		sqlStore({ migrations: [accounts, attemptLocks], tx: AuthenticationTx, sagas: (service: Authentication) => [registerSaga(service)] }),
	],

	actions: {
		register,
		login,
		refresh,
		logout,
		listSessions,
		endSession,
		changePassword,
		ensureAdministrator,
		ensureUser,
		emailsOf,
		userByEmail,
		setDisabled,
		erase,
		endSessions,
		endedSessions,
	},

	created() {
		this.passwords = new Passwords();
	},

	async started() {
		const forget = () =>
			this.store.transaction(tx => tx.forgetPast()).catch(error => this.logger.warn("the past could not be forgotten", error));
		await forget();
		this.forgetting = setInterval(forget, forgetEveryMs);
	},

	async stopped() {
		clearInterval(this.forgetting);
	},
});
