// Whose request it is. X-Forwarded-For is a claim of whoever sends it, so only the part that proxies of ours wrote is believed.
import { BlockList, isIP } from "node:net";
import { ConfigError } from "../../../lib/config.ts";

/** IPv4 over an IPv6 socket is written `::ffff:192.0.2.1`. */
const plain = (address: string) => (address.startsWith("::ffff:") ? address.slice(7) : address);

export type AddressOf = (peer: string | undefined, forwardedFor: string | undefined) => string;

/** The set of proxies in `STOA_TRUST_PROXY`: addresses and CIDR blocks. Throws a ConfigError that names a wrong one. */
function proxySet(trusted: readonly string[]): BlockList {
	const proxies = new BlockList();
	for (const entry of trusted) {
		const [address = "", bits, more] = entry.split("/");
		const family = isIP(address);
		const width = family === 4 ? 32 : 128;
		const isBlock = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
		if (family === 0 || !isBlock || more !== undefined)
			throw new ConfigError(`STOA_TRUST_PROXY names "${entry}"; it must be a list of IP addresses and CIDR blocks such as 10.0.0.0/8.`);
		proxies.addSubnet(address, bits === undefined ? width : Number(bits), family === 4 ? "ipv4" : "ipv6");
	}
	return proxies;
}

/** Reads the client's address: the last one in the chain that no trusted proxy has. */
export function addressReader(trusted: readonly string[]): AddressOf {
	if (trusted.length === 0) return peer => plain(peer ?? "");
	const proxies = proxySet(trusted);
	const isProxy = (address: string) => proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
	return (peer, forwardedFor) => {
		let address = plain(peer ?? "");
		const chain = (forwardedFor ?? "").split(",").map(part => plain(part.trim()));
		while (isIP(address) !== 0 && isProxy(address)) {
			const before = chain.pop();
			if (before === undefined || isIP(before) === 0) break;
			address = before;
		}
		return address;
	};
}
