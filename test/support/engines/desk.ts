// Jest's workers are processes of their own, so the servers that they share are started here, in the process above them, at the first question.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Engine, removeStartedHere, startedHere } from "./engines.ts";

let desk: http.Server | undefined;

/** Jest's globalSetup; the workers inherit the variable. */
export default async function openDesk(): Promise<void> {
	const opened = http.createServer(async (asked, answer) => {
		// A worker asks seldom: a connection kept open would be closed here just when it asks again.
		answer.setHeader("Connection", "close");
		try {
			const server = await startedHere(asked.url!.slice(1) as Engine);
			answer.end(server.url);
		} catch (error) {
			answer.writeHead(500).end(String(error));
		}
	});
	await new Promise<void>(resolve => opened.listen(0, "127.0.0.1", resolve));
	opened.unref();
	process.env.STOA_TEST_SERVERS = `http://127.0.0.1:${(opened.address() as AddressInfo).port}/`;
	desk = opened;
}

export async function closeDesk(): Promise<void> {
	desk?.close();
	desk?.closeAllConnections();
	delete process.env.STOA_TEST_SERVERS;
	await removeStartedHere();
}
