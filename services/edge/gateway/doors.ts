// What the gateway answers beside the contracts' routes: health, documentation and product pictures.
import { hash } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { Catalogue } from "../../../lib/catalogue.ts";
import { ask } from "../../../lib/contract.ts";
import { notFound, serviceUnavailable } from "../../../lib/failure.ts";
import { openApiOf } from "../../../lib/openapi.ts";
import { readinessOf } from "../../../lib/readiness.ts";
import { picture } from "../../commerce/products/products.contract.ts";
import { isUnchanged } from "./answer.ts";
import { docsFile, docsPage, type PageFile } from "./docs-page.ts";
import type { Answering, Exchange } from "./exchange.ts";
import { ifNoneMatchOf } from "./request-facts.ts";
import { type HeaderSet, headersOfData, headersOfDocs, headersOfMedia } from "./security-headers.ts";

/** Probes come every second from every balancer and are never counted against anybody. */
export const isProbe = (path: string) => path === "/healthz" || path === "/readyz";

const json = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" };

function sendFile(exchange: Exchange, { type, bytes, etag }: PageFile, cacheControl: string, protection: HeaderSet): void {
	const headers = { "Content-Type": type, "Cache-Control": cacheControl, ETag: etag };
	if (isUnchanged(ifNoneMatchOf(exchange.req.headers), etag)) exchange.send(304, headers, undefined, protection);
	else exchange.send(200, headers, bytes, protection);
}

export function doorsOf(broker: ServiceBroker, catalogue: Catalogue): Answering[] {
	let openApi: PageFile | undefined;
	const doors: Omit<Answering, "method">[] = [
		{ name: "healthz", path: "/healthz", answer: exchange => exchange.send(200, json, '{"status":"alive"}') },
		{
			name: "readyz",
			path: "/readyz",
			async answer(exchange) {
				// Which service is not ready is for the operations port; strangers need not know of our rooms.
				if (!(await readinessOf(broker)).ready) throw serviceUnavailable();
				exchange.send(200, json, '{"status":"ready"}');
			},
		},
		{
			name: "openapi",
			path: "/v1/openapi.json",
			answer(exchange) {
				if (!openApi) {
					const bytes = Buffer.from(JSON.stringify(openApiOf(catalogue)));
					openApi = { type: json["Content-Type"], bytes, etag: `"${hash("sha256", bytes, "base64url").slice(0, 22)}"` };
				}
				sendFile(exchange, openApi, "no-cache", headersOfData);
			},
		},
		{ name: "docs", path: "/docs", answer: exchange => sendFile(exchange, docsPage, "no-cache", headersOfDocs) },
		{
			name: "docs",
			path: "/docs/:file",
			async answer(exchange, _ctx, { file = "" }) {
				const found = await docsFile(file);
				if (!found) throw notFound();
				sendFile(exchange, found, "no-cache", headersOfDocs);
			},
		},
		{
			name: "media",
			path: "/media/:file",
			async answer(exchange, ctx, { file = "" }) {
				const [, slug] = /^([a-z0-9-]{1,120})\.svg$/.exec(file) ?? [];
				if (slug === undefined || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) throw notFound();
				const { svg } = await ask(ctx, picture, { slug });
				const bytes = Buffer.from(svg);
				const etag = `"${hash("sha256", bytes, "base64url").slice(0, 22)}"`;
				sendFile(exchange, { type: "image/svg+xml; charset=utf-8", bytes, etag }, "public, max-age=3600", headersOfMedia);
			},
		},
	];
	return doors.map(door => ({ method: "GET", ...door }));
}
