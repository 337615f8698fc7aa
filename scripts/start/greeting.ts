// What a person sees after `npm start`: where everything is, and an order to paste.
import type { AddressInfo } from "node:net";
import type { Service, ServiceBroker } from "moleculer";
import type { Config } from "../../lib/config.ts";
import { ownsDataFolder } from "../../middlewares/data-folder.ts";
import { seedProduct } from "../seed/catalogue.ts";
import type { FirstStart } from "./first-start.ts";

/** A SKU of the seed that has stock. */
function sellableSku(): string {
	for (let n = 1; ; n++) {
		const found = Object.entries(seedProduct(n).stock).find(([, left]) => left > 10);
		if (found) return found[0];
	}
}

/** Three lines of shell that buy one watch strap as a guest; nothing but curl and sed is needed. */
export function curlWalk(url: string): string {
	return `  CART=$(curl -s ${url}/v1/carts -H 'Content-Type: application/json' -d '{"items":[{"sku":"${sellableSku()}","quantity":1}]}')
  ID=$(echo "$CART" | sed -E 's/^\\{"id":"([^"]+)".*/\\1/'); TOKEN=$(echo "$CART" | sed -E 's/.*"cartToken":"([^"]+)".*/\\1/')
  curl -s ${url}/v1/carts/$ID/checkout -H "Cart-Token: $TOKEN" -H "Idempotency-Key: order-$ID" -H 'Content-Type: application/json' \\
    -d '{"email":"you@example.com","shippingAddress":{"name":"You","line1":"1 Market Walk","city":"Athens","postalCode":"10555","country":"GR"},"payment":{"method":"card","token":"tok_visa"}}'`;
}

const peopleOf = ({ administrator, seeded }: FirstStart): string[] => [
	...(administrator ? [`  Administrator  ${administrator.email}  ${administrator.password}   (shown once)`] : []),
	...(seeded?.customer ? [`  Customer       ${seeded.customer.email}  ${seeded.customer.password}`] : []),
	...(seeded?.merchant ? [`  Merchant       ${seeded.merchant.email}  ${seeded.merchant.password}`] : []),
];

/** Where a node's truth lies: nothing of a server's address but its kind, which may hold a password. */
function placeOf({ sqlUrl, mongoUrl, dataDir }: Config): string {
	if (!sqlUrl && !mongoUrl) return `data in ${dataDir}`;
	return [sqlUrl ? "tables on MySQL" : `tables in ${dataDir}`, mongoUrl ? "documents on MongoDB" : `documents in ${dataDir}`].join(", ");
}

/** Those whom a node made after it was greeted: in a mesh their makers may have come later. */
export function introduce(made: FirstStart): void {
	console.log(["The shop is set up.", ...peopleOf(made)].join("\n"));
}

export function greet(broker: ServiceBroker, config: Config, made: FirstStart): void {
	const gateway = broker.getLocalService("gateway") as (Service & { server?: { address(): AddressInfo | null } }) | undefined;
	const port = gateway?.server?.address()?.port;
	const lines = [
		`Stoa runs: ${(broker.services as Service[]).filter(service => !service.name.startsWith("$")).length} services, ${placeOf(config)}`,
	];
	if (config.durability === "process" && ownsDataFolder(config))
		lines.push("STOA_DURABILITY=process: what is answered survives a killed process, not a power cut.");
	const url = port && `http://localhost:${port}`;
	if (url) {
		lines.push(
			"",
			`  API         ${url}/v1`,
			`  Try it      ${url}/docs`,
			`  OpenAPI     ${url}/v1/openapi.json`,
			"  Operators   npm run repl",
		);
	}
	const people = peopleOf(made);
	if (people.length > 0) lines.push("", ...people);
	if (url && broker.getLocalService("orders")) lines.push("", "Buy something:", "", curlWalk(url));
	console.log(`\n${lines.join("\n")}\n`);
}
