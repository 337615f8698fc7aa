// Where a request came from, as it may be kept and told: keyed hashes, the same in every service, so that whoever compares two facts can tell that
// they came from one device or address and nobody can read which.
import Type from "typebox";
import { keyedHash } from "./crypto.ts";
import type { RequestFacts } from "./principal.ts";

const Hash = Type.String({ description: "A keyed hash: recognisable, not readable." });

/** The fields of a fact that say where it came from. Without a device id there is no device fact. */
export const originFields = { addressHash: Hash, deviceHash: Type.Union([Hash, Type.Null()]) };
export interface Origin {
	addressHash: string;
	deviceHash: string | null;
}

export function originOf(secret: Buffer, request: Pick<RequestFacts, "address" | "deviceId"> | undefined): Origin {
	const { address = "", deviceId } = request ?? {};
	return { addressHash: keyedHash(secret, "address", address), deviceHash: deviceId ? keyedHash(secret, "device", deviceId) : null };
}
