import { describe, expect, it } from "@jest/globals";
import { readAnswer } from "./answer.ts";

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const plain = `${head}Content-Length: 5\r\n\r\nhello`;
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n`;

describe("reading an HTTP answer", () => {
	it.each([
		["of a given length", plain],
		["in chunks", chunked],
		["after an announcement", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${plain}`],
	])("reads one %s, and leaves what follows", (_manner, text) => {
		const read = readAnswer(Buffer.from(`${text}HTTP/1.1 404`));
		expect(read?.answer.status).toBe(200);
		expect(read?.answer.body.toString()).toBe("hello");
		expect(read?.answer.reusable).toBe(true);
		expect(read?.length).toBe(text.length);
	});

	it.each([
		["of a given length", plain],
		["in chunks", chunked],
	])("waits for the rest of one %s, wherever it was cut", (_manner, text) => {
		for (let cut = 0; cut < text.length; cut++) expect(readAnswer(Buffer.from(text.slice(0, cut)))).toBeUndefined();
	});

	it("expects no body behind 204 and 304", () => {
		expect(readAnswer(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"))?.answer).toMatchObject({ status: 204, reusable: true });
		expect(readAnswer(Buffer.from("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"))?.answer.body.length).toBe(0);
	});

	it("gives up a connection that the server will close", () => {
		expect(readAnswer(Buffer.from(`${head}Connection: close\r\nContent-Length: 0\r\n\r\n`))?.answer.reusable).toBe(false);
		expect(readAnswer(Buffer.from("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"))?.answer.reusable).toBe(false);
	});

	it("refuses what it cannot read", () => {
		expect(() => readAnswer(Buffer.from(`${head}\r\n`))).toThrow("how long");
		expect(() => readAnswer(Buffer.from("SSH-2.0\r\n\r\n"))).toThrow("not HTTP/1");
		expect(() => readAnswer(Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`))).toThrow("chunk");
	});
});
