// Whether the servers of the environment are there at all: a node waits for them and says nothing.
import net from "node:net";

const patienceMs = 3000;
const ports: Readonly<Record<string, number>> = {
	nats: 4222,
	tls: 4222,
	mysql: 3306,
	mariadb: 3306,
	mongodb: 27017,
	redis: 6379,
	rediss: 6379,
};

interface Place {
	host: string;
	port: number;
}

/** The hosts of a URL, or of a comma separated list of URLs or hosts; none where only the name service knows them (`mongodb+srv`). */
export function placesOf(text: string): Place[] {
	const scheme = /^([a-z+]+):\/\//.exec(text)?.[1] ?? "";
	const usual = ports[scheme];
	if (usual === undefined) return [];
	return text.split(",").map(part => {
		const host = part
			.trim()
			.replace(/^[a-z+]+:\/\//, "")
			.replace(/[/?].*$/, "")
			.replace(/^.*@/, "");
		const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(host)!;
		return { host: name.replace(/^\[|\]$/g, ""), port: port ? Number(port) : usual };
	});
}

function listens({ host, port }: Place): Promise<boolean> {
	return new Promise(resolve => {
		const socket = net.connect({ host, port });
		const settle = (answer: boolean) => {
			socket.destroy();
			resolve(answer);
		};
		socket.setTimeout(patienceMs, () => settle(false));
		socket.once("error", () => settle(false));
		socket.once("connect", () => settle(true));
	});
}

/** A sentence for each variable whose server cannot be reached. */
export async function absentServers(env: NodeJS.ProcessEnv): Promise<string[]> {
	const names = ["STOA_NATS_URL", "STOA_SQL_URL", "STOA_MONGO_URL", "STOA_REDIS_URL"].filter(name => env[name]);
	const sentences = names.map(async name => {
		const places = placesOf(env[name]!);
		const answers = await Promise.all(places.map(listens));
		// Of several hosts one is enough to begin with.
		if (places.length === 0 || answers.includes(true)) return undefined;
		return `${name}: nobody listens at ${places.map(({ host, port }) => `${host}:${port}`).join(", ")}.`;
	});
	return (await Promise.all(sentences)).filter(sentence => sentence !== undefined);
}
