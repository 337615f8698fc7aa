/** As much of HTTP/1.1 as a keep-alive answer needs, and no more: the generator shares its cores with the server that it measures. */

export interface Answer {
	status: number;
	body: Buffer;
	/** Whether the connection may carry another request. */
	reusable: boolean;
}

export interface ReadAnswer {
	answer: Answer;
	/** How many of the received bytes it took. */
	length: number;
}

/** The first answer in what was received so far; undefined while a part of it is still under way. Throws on what it cannot read. */
export function readAnswer(received: Buffer): ReadAnswer | undefined {
	const headEnd = received.indexOf("\r\n\r\n");
	if (headEnd < 0) return undefined;
	const head = received.toString("latin1", 0, headEnd);
	const [, version, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(head) ?? [];
	if (!code) throw new Error("The answer is not HTTP/1.");
	const status = Number(code);
	const bodyStart = headEnd + 4;

	// 100 and 103 only announce the answer.
	if (status < 200) {
		const announced = readAnswer(received.subarray(bodyStart));
		return announced && { ...announced, length: announced.length + bodyStart };
	}

	const body = readBody(received, bodyStart, status, head);
	if (!body) return undefined;
	const reusable = version === "1" && !/\r\nconnection: *close/i.test(head);
	return { answer: { status, body: body.bytes, reusable }, length: body.end };
}

function readBody(received: Buffer, start: number, status: number, head: string): { bytes: Buffer; end: number } | undefined {
	if (status === 204 || status === 304) return { bytes: Buffer.alloc(0), end: start };
	if (/\r\ntransfer-encoding: *chunked/i.test(head)) return readChunks(received, start);
	const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
	if (length === undefined) throw new Error("The answer does not say how long it is.");
	const end = start + Number(length);
	return end <= received.length ? { bytes: received.subarray(start, end), end } : undefined;
}

function readChunks(received: Buffer, start: number): { bytes: Buffer; end: number } | undefined {
	const chunks: Buffer[] = [];
	for (let at = start; ; ) {
		const lineEnd = received.indexOf("\r\n", at);
		if (lineEnd < 0) return undefined;
		const size = Number.parseInt(received.toString("latin1", at, lineEnd), 16);
		if (Number.isNaN(size)) throw new Error("A chunk of the answer does not say how long it is.");
		const chunkStart = lineEnd + 2;
		if (received.length < chunkStart + size + 2) return undefined;
		// After the last chunk comes an empty line; nobody sends us trailers, since we never say that we take them.
		if (size === 0) return { bytes: Buffer.concat(chunks), end: chunkStart + 2 };
		chunks.push(received.subarray(chunkStart, chunkStart + size));
		at = chunkStart + size + 2;
	}
}
