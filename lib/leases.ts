// Work that one node does at a time: a relay, the reading of a producer's facts, a sweep. A lease only spares the others the work; what must never
// happen twice is guarded where it is written (a position that rises, a fencing number).

/** Long enough for any pause of a healthy process, short enough that another node goes on within 5 s of a death. */
export const leaseMs = 3000;
/** An owner renews so often, and whoever waits looks so often. */
export const renewMs = 1000;

export interface Leases {
	/** Takes those of the names that are free or expired, renews those held already. Answers which are held now, each with its fencing number. */
	hold(names: readonly string[]): Promise<Map<string, number>>;
	/** Lets them go, so that another node need not wait for their end. */
	release(names: readonly string[]): Promise<void>;
}

/** Of an engine that one process owns: nobody else can want them. */
export const ownLeases: Leases = {
	hold: async names => new Map(names.map(name => [name, 1])),
	release: async () => undefined,
};
