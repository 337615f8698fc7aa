// What a person sees after `npm start`: where everything is, and an order to paste.
import type { AddressInfo } from "node:net";
import type { Service, ServiceBroker } from "moleculer";
import type { Config } from "../../lib/config.ts";
import { seedProduct } from "../seed/catalogue.ts";
import type { SeededPeople } from "../seed/seed.ts";

export interface Greeting {
	administrator: { email: string; password?: string } | undefined;
	seeded: SeededPeople | undefined;
}

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

export function greet(broker: ServiceBroker, config: Config, { administrator, seeded }: Greeting): void {
	const gateway = broker.getLocalService("gateway") as (Service & { server?: { address(): AddressInfo | null } }) | undefined;
	const port = gateway?.server?.address()?.port;
	const lines = [
		`Stoa runs: ${(broker.services as Service[]).filter(service => !service.name.startsWith("$")).length} services, data in ${config.dataDir}`,
	];
	if (config.durability === "process") lines.push("STOA_DURABILITY=process: what is answered survives a killed process, not a power cut.");
	if (port) {
		const url = `http://localhost:${port}`;
		lines.push(
			"",
			`  API         ${url}/v1`,
			`  Try it      ${url}/docs`,
			`  OpenAPI     ${url}/v1/openapi.json`,
			"  Operators   npm run repl",
		);
		if (administrator?.password) lines.push("", `  Administrator  ${administrator.email}  ${administrator.password}   (shown once)`);
		if (seeded) {
			lines.push(
				`  Customer       ${seeded.customer.email}  ${seeded.customer.password}`,
				`  Merchant       ${seeded.merchant.email}  ${seeded.merchant.password}`,
			);
		}
		if (broker.getLocalService("orders")) lines.push("", "Buy something:", "", curlWalk(url));
	}
	console.log(`\n${lines.join("\n")}\n`);
}
