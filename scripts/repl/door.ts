// How commands find the mesh: the process on a data folder through its socket, or many nodes over NATS.
import { type Config, readConfig } from "../../lib/config.ts";
import { attach, type Mesh, OperatorCallError } from "../../lib/operator-socket.ts";
import { NotRunning } from "./execute.ts";

export interface Way {
	/** Said at the prompt. */
	greeting: string;
	/** Keeps the prompt's history. */
	folder: string;
	/** Throws {@link NotRunning}. */
	open(): Promise<Mesh>;
}

export function throughSocket(dataDir: string): Way {
	const refuse = (error: NodeJS.ErrnoException): never => {
		throw new NotRunning(
			error.code === "EACCES"
				? `The Stoa on ${dataDir} belongs to another user.`
				: `No Stoa runs on ${dataDir}. Start it with npm start, or name its folder: STOA_DATA_DIR=… npm run repl`,
		);
	};
	return { greeting: `Attached to the Stoa on ${dataDir}.`, folder: dataDir, open: () => attach(dataDir).catch(refuse) };
}

export function overNats(config: Config): Way {
	const { servers } = config.nats!;
	return {
		greeting: `Joined the mesh ${config.namespace} over ${servers.join(", ")}.`,
		folder: config.dataDir,
		// The framework is loaded only where it is needed: a command through the socket answers at once.
		open: async () => (await import("./join.ts")).joinMesh(config),
	};
}

/** As the environment says. Throws a ConfigError. */
export function wayInto(env: NodeJS.ProcessEnv): Way {
	// An operator is no node of the shop: what production demands of one (its secrets) is not asked for here.
	const config = readConfig({ ...env, NODE_ENV: undefined });
	return config.nats ? overNats(config) : throughSocket(config.dataDir);
}

/** Opened at the first use, and again after what stood behind it was restarted. */
export class Door {
	readonly #way: Way;
	#open: Promise<Mesh> | undefined;

	constructor(way: Way) {
		this.#way = way;
	}

	/** Throws {@link NotRunning}. */
	readonly mesh = (): Promise<Mesh> => {
		this.#open ??= this.#way.open().then(
			mesh => this.#watched(mesh),
			error => {
				this.#open = undefined;
				throw error;
			},
		);
		return this.#open;
	};

	async close(): Promise<void> {
		const mesh = await this.#open?.catch(() => undefined);
		this.#open = undefined;
		await mesh?.close();
	}

	/** A call that ends without an answer of the mesh means that the process is gone: the next command attaches anew. */
	#watched(mesh: Mesh): Mesh {
		return {
			call: async (action, params) => {
				try {
					return await mesh.call(action, params);
				} catch (error) {
					if (!(error instanceof OperatorCallError)) this.#open = undefined;
					throw error;
				}
			},
			close: () => mesh.close(),
		};
	}
}
