// Tells the operators of dead letters. A letter is no fact of its own, and the one who could tell of it is in trouble: so all stores are looked through,
// again and again, by one node at a time. What is found twice is told once, because the notification's id is made of the letter and its death.
import type { Logger, ServiceBroker } from "moleculer";
import { ask } from "../../../lib/contract.ts";
import type { Leases } from "../../../lib/leases.ts";
import { type DeadLetter, storeContract } from "../../../lib/store-contract.ts";
import { usersWithRole } from "../../identity/authorization/authorization.contract.ts";
import { type Announcing, accountOf } from "./notifications.announcing.ts";
import { queuedType } from "./notifications.letters.ts";

const lookMs = 5000;
const pageMax = 100;
const lease = "deadLetters";

export interface WatchGiven {
	broker: ServiceBroker;
	announcing: Announcing;
	leases: Leases;
	logger: Pick<Logger, "warn">;
}

/** Dead once more after it was tried again, a letter is news again. */
const deathOf = ({ id, lastFailedAt }: DeadLetter) => `${id}@${lastFailedAt}`;

/** A message to an operator that could not be delivered: to tell of it would make the next one. */
function isOurOwn({ type, envelope }: DeadLetter): boolean {
	return type === queuedType && String(envelope.data.type).startsWith("operator.");
}

const nameOf = ({ type, envelope: { data } }: DeadLetter) =>
	type === queuedType ? `${String(data.type)} (${String(data.channel)})` : type;

export class DeadLetterWatch {
	readonly #given: WatchGiven;
	/** Those told by this process, as long as they are dead: it need not tell them again to find that they were told. */
	readonly #told = new Map<string, Set<string>>();
	#timer: NodeJS.Timeout | undefined;
	#looking: Promise<void> | undefined;
	#stopped = false;

	constructor(given: WatchGiven) {
		this.#given = given;
	}

	start(): void {
		this.#timer = setInterval(() => void this.look(), lookMs).unref();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		await this.#looking;
		await this.#given.leases.release([lease]).catch(() => undefined);
	}

	/** Looks once, unless it is looking already. A store that is away is looked at the next time; it keeps nobody from the others. */
	look(): Promise<void> {
		this.#looking ??= this.#lookThroughAll()
			.catch(error => this.#warn("dead letters could not be looked for", error))
			.finally(() => {
				this.#looking = undefined;
			});
		return this.#looking;
	}

	async #lookThroughAll(): Promise<void> {
		if (!(await this.#given.leases.hold([lease])).has(lease)) return;
		for (const service of this.#stores()) {
			if (this.#stopped) return;
			await this.#lookThrough(service).catch(error => this.#warn(`dead letters of ${service} could not be told`, error));
		}
	}

	/** Every service of the mesh that keeps letters. */
	#stores(): string[] {
		const mark = ".listLetters";
		const actions = this.#given.broker.registry.getActionList({ onlyAvailable: true }) as { name: string }[];
		const marked = actions.map(({ name }) => name).filter(name => name.endsWith(mark) && name !== `operations${mark}`);
		return [...new Set(marked.map(name => name.slice(0, -mark.length)))].sort();
	}

	async #lookThrough(service: string): Promise<void> {
		const dead = await this.#deadOf(service);
		const told = this.#told.get(service) ?? new Set();
		const fresh = dead.filter(letter => !told.has(deathOf(letter)) && !isOurOwn(letter));
		const hasReaders = fresh.length === 0 || (await this.#tell(fresh));
		// With no operator yet, the first one is told as well.
		const known = hasReaders ? dead : dead.filter(letter => told.has(deathOf(letter)));
		this.#told.set(service, new Set(known.map(deathOf)));
	}

	async #deadOf(service: string): Promise<DeadLetter[]> {
		const dead: DeadLetter[] = [];
		for (;;) {
			const before = dead.at(-1)?.envelope.id;
			const page = await ask(this.#given.broker, storeContract(service).listLetters, { status: "dead", before, limit: pageMax });
			dead.push(...page);
			if (page.length < pageMax) return dead;
		}
	}

	/** False: there is nobody to tell. */
	async #tell(letters: readonly DeadLetter[]): Promise<boolean> {
		const { broker, announcing } = this.#given;
		const { userIds } = await ask(broker, usersWithRole, { role: "operator" });
		for (const letter of letters) {
			const { id, group, lastFailedAt } = letter;
			const fact = { id: deathOf(letter), occurredAt: lastFailedAt };
			const about = { letterId: id, group, what: nameOf(letter) };
			await Promise.all(userIds.map(userId => announcing.tell(fact, "operator.deadLetter", accountOf(userId), about)));
		}
		return userIds.length > 0;
	}

	#warn(sentence: string, error: unknown): void {
		if (!this.#stopped) this.#given.logger.warn(sentence, error);
	}
}
