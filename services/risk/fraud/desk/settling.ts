// A decision begun at the door: its saga is begun, and waited for.
import { type FailureKind, StoaFailure, serviceUnavailable } from "../../../../lib/failure.ts";
import type { DeskService } from "./desk.ts";

// Below the callers' own patience: what is not finished by then goes on alone.
const waitMs = 6000;

/** Begins a saga and waits for its end. Throws what refused it, or `service_unavailable` while it goes on. */
export async function settle({ store }: DeskService, kind: string, state: object): Promise<void> {
	const saga = await store.transaction(tx => store.sagas.begin(tx, kind, { ...state }));
	store.sagas.driveBegun(saga);
	const ended = await store.sagas.settled(saga.id, waitMs);
	if (ended?.problem) {
		const { kind: refusal, code, message, data } = ended.problem;
		throw new StoaFailure(refusal as FailureKind, code, message, data);
	}
	if (ended?.status !== "succeeded") throw serviceUnavailable({ retryAfterSeconds: 1 });
}
