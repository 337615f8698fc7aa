// Rows and queries of accounts, sessions and failed attempts. Ending a session and telling it are one write.
import { tell } from "../../../lib/contract.ts";
import { newId } from "../../../lib/ids.ts";
import { SqlTx } from "../../../mixins/sql/tx.ts";
import { type EndReason, loggedOut } from "./authentication.contract.ts";
import { type Account, failureWindowMs, type RefreshToken, refreshLifetimeMs, type SessionRow } from "./authentication.domain.ts";

const accountColumns = "userId, email, emailKey, passwordHash, status, statusVersion, registrationId, claimedBy, welcomedAt, createdAt";
const sessionColumns = "id, userId, device, createdAt, lastUsedAt, expiresAt, endedAt, endedBecause";

export class AuthenticationTx extends SqlTx {
	accountByKey(emailKey: string): Promise<Account | undefined> {
		return this.get<Account>(`SELECT ${accountColumns} FROM accounts WHERE emailKey = ?`, [emailKey]);
	}

	account(userId: string): Promise<Account | undefined> {
		return this.get<Account>(`SELECT ${accountColumns} FROM accounts WHERE userId = ?`, [userId]);
	}

	lockAccount(userId: string): Promise<Account | undefined> {
		return this.get<Account>(`SELECT ${accountColumns} FROM accounts WHERE userId = ?${this.forUpdate}`, [userId]);
	}

	/** False when the email belongs to somebody already. */
	async claimEmail(account: Account, pendingName: string): Promise<boolean> {
		return (await this.insertIfAbsent("accounts", { ...account, pendingName })) > 0;
	}

	async pendingName(userId: string): Promise<string | null> {
		return (
			(await this.get<{ pendingName: string | null }>("SELECT pendingName FROM accounts WHERE userId = ?", [userId]))?.pendingName ?? null
		);
	}

	activate(userId: string): Promise<number> {
		return this.run("UPDATE accounts SET status = 'active', pendingName = NULL WHERE userId = ? AND status = 'pending'", [userId]);
	}

	/** A registration that came to nothing lets its email go. */
	releaseEmail(userId: string): Promise<number> {
		return this.run("DELETE FROM accounts WHERE userId = ? AND status = 'pending'", [userId]);
	}

	/** True for the one request that answers a registration, or for the first sign-in after it. */
	async welcome(userId: string): Promise<boolean> {
		return (await this.run("UPDATE accounts SET welcomedAt = ? WHERE userId = ? AND welcomedAt IS NULL", [this.now(), userId])) > 0;
	}

	setStatus(userId: string, status: Account["status"], statusVersion: number): Promise<number> {
		return this.update("accounts", { status, statusVersion }, { userId });
	}

	setPassword(userId: string, passwordHash: string): Promise<number> {
		return this.update("accounts", { passwordHash }, { userId });
	}

	forgetCredentials(userId: string): Promise<number> {
		return this.update("accounts", { email: null, emailKey: null, passwordHash: null, pendingName: null, status: "erased" }, { userId });
	}

	async emailsOf(userIds: readonly string[]): Promise<{ userId: string; email: string }[]> {
		if (userIds.length === 0) return [];
		return this.all(
			`SELECT userId, email FROM accounts WHERE userId IN (${userIds.map(() => "?").join(", ")}) AND email IS NOT NULL`,
			userIds,
		);
	}

	async openSession(session: Pick<SessionRow, "userId" | "device">, tokenHash: string): Promise<string> {
		const now = this.now();
		const id = newId("ses", now);
		const times = { createdAt: now, lastUsedAt: now, expiresAt: now + refreshLifetimeMs };
		await this.insert("sessions", { id, ...session, ...times });
		await this.insert("refreshTokens", { tokenHash, sessionId: id, expiresAt: times.expiresAt });
		return id;
	}

	session(id: string): Promise<SessionRow | undefined> {
		return this.get<SessionRow>(`SELECT ${sessionColumns} FROM sessions WHERE id = ?`, [id]);
	}

	/** The token with its session, both under lock: of two refreshes with one token the second must see the first. */
	async lockFamily(tokenHash: string): Promise<{ token: RefreshToken; session: SessionRow } | undefined> {
		const token = await this.refreshToken(tokenHash);
		if (!token) return undefined;
		const session = await this.get<SessionRow>(`SELECT ${sessionColumns} FROM sessions WHERE id = ?${this.forUpdate}`, [token.sessionId]);
		// Read again behind the lock of the session, which every rotation takes first.
		const locked = await this.get<RefreshToken>(
			`SELECT sessionId, usedAt, expiresAt FROM refreshTokens WHERE tokenHash = ?${this.forUpdate}`,
			[tokenHash],
		);
		return session && locked && { token: locked, session };
	}

	refreshToken(tokenHash: string): Promise<RefreshToken | undefined> {
		return this.get<RefreshToken>("SELECT sessionId, usedAt, expiresAt FROM refreshTokens WHERE tokenHash = ?", [tokenHash]);
	}

	async rotate(sessionId: string, usedHash: string, freshHash: string): Promise<void> {
		const now = this.now();
		const expiresAt = now + refreshLifetimeMs;
		await this.update("refreshTokens", { usedAt: now }, { tokenHash: usedHash });
		await this.insert("refreshTokens", { tokenHash: freshHash, sessionId, expiresAt });
		await this.update("sessions", { lastUsedAt: now, expiresAt }, { id: sessionId });
	}

	/** Live sessions of somebody, newest first. */
	sessionsOf(userId: string, { before, limit }: { before?: string; limit: number }): Promise<SessionRow[]> {
		const older = before ? "AND id < ?" : "";
		return this.all(
			`SELECT ${sessionColumns} FROM sessions WHERE userId = ? AND endedAt IS NULL AND expiresAt > ? ${older} ORDER BY id DESC LIMIT ?`,
			[userId, this.now(), ...(before ? [before] : []), limit],
		);
	}

	/** Ends a session and tells it; false when it had ended before. */
	async endSession(session: Pick<SessionRow, "id" | "userId">, reason: EndReason): Promise<boolean> {
		const ended = await this.run("UPDATE sessions SET endedAt = ?, endedBecause = ? WHERE id = ? AND endedAt IS NULL", [
			this.now(),
			reason,
			session.id,
		]);
		if (ended > 0) await tell(this, loggedOut, { userId: session.userId, sessionId: session.id, reason });
		return ended > 0;
	}

	/** Ends every live session of somebody, or every one but one; answers their ids. */
	async endSessions(userId: string, reason: EndReason, exceptId = ""): Promise<string[]> {
		const live = await this.all<{ id: string }>(
			`SELECT id FROM sessions WHERE userId = ? AND endedAt IS NULL AND id <> ? ORDER BY id${this.forUpdate}`,
			[userId, exceptId],
		);
		for (const { id } of live) await this.endSession({ id, userId }, reason);
		return live.map(({ id }) => id);
	}

	async endedSince(since: number): Promise<string[]> {
		return (await this.all<{ id: string }>("SELECT id FROM sessions WHERE endedAt >= ?", [since])).map(({ id }) => id);
	}

	async failuresOf(subject: string): Promise<number[]> {
		const rows = await this.all<{ failedAt: number }>("SELECT failedAt FROM failedAttempts WHERE subject = ? AND failedAt > ?", [
			subject,
			this.now() - failureWindowMs,
		]);
		return rows.map(row => row.failedAt);
	}

	/** Attempts of one subject are judged one after the other, on whichever node: two at once must not both be the tenth, nor fifty all the first. */
	async lockAttempts(subject: string): Promise<void> {
		const locked = () => this.get(`SELECT subject FROM attemptLocks WHERE subject = ?${this.forUpdate}`, [subject]);
		// What is not there cannot be locked: whoever puts it there holds it, and who comes second waits for the first's commit.
		while (!(await locked())) if ((await this.insertIfAbsent("attemptLocks", { subject, madeAt: this.now() })) > 0) return;
	}

	recordFailure(subject: string): Promise<number> {
		return this.insert("failedAttempts", { id: newId("fai", this.now()), subject, failedAt: this.now() });
	}

	/** What is past can neither be refreshed, nor recognised as a copy, nor counted. */
	async forgetPast(): Promise<void> {
		const now = this.now();
		await this.run("DELETE FROM attemptLocks WHERE madeAt <= ?", [now - failureWindowMs]);
		await this.run("DELETE FROM failedAttempts WHERE failedAt <= ?", [now - failureWindowMs]);
		// Sessions before their tokens, as a refresh locks them.
		await this.run("DELETE FROM sessions WHERE expiresAt <= ?", [now]);
		await this.run("DELETE FROM refreshTokens WHERE expiresAt <= ?", [now]);
	}
}
