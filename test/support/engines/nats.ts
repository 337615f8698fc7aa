// NATS with JetStream as we ship it: acknowledged is on the disk.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { findProgram } from "./programs.ts";
import type { Place, Recipe } from "./server.ts";

export interface NatsOptions {
	user?: string;
	password?: string;
	/** Speaks TLS only, by a certificate of its own authority (`caFile` of the server). */
	tls?: boolean;
	/** Lines of nats-server's own configuration, such as users with permissions. */
	config?: string;
}

export function natsRecipe({ user, password, tls = false, config = "" }: NatsOptions = {}): Recipe {
	const authority = ({ folder }: Place) => path.join(folder, "ca.pem");
	return {
		command: ({ folder }) => [findProgram("nats-server")!, "-c", path.join(folder, "nats.conf")],
		prepare(place) {
			const { folder, data, port } = place;
			if (tls && !fs.existsSync(authority(place))) makeCertificates(folder);
			const lines = [
				`listen: "127.0.0.1:${port}"`,
				`server_name: "stoa-test-${port}"`,
				`jetstream { store_dir: "${data}", sync_interval: always, max_file_store: 4GB }`,
				user === undefined ? "" : `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password ?? "")} }`,
				tls ? `tls { cert_file: "${path.join(folder, "server.pem")}", key_file: "${path.join(folder, "server.key")}" }` : "",
				config,
			];
			fs.writeFileSync(path.join(folder, "nats.conf"), `${lines.filter(Boolean).join("\n")}\n`);
		},
		url: port => `${tls ? "tls" : "nats"}://127.0.0.1:${port}`,
		ready: { hear: /^INFO .*\r\n/ },
		caFile: place => (tls ? authority(place) : undefined),
	};
}

/** An authority that lives as long as the folder, and one certificate for the loopback address. */
function makeCertificates(folder: string) {
	const openssl = (...args: string[]) => execFileSync(findProgram("openssl")!, args, { cwd: folder, stdio: "pipe" });
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
	openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Stoa test authority");
	openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
	fs.writeFileSync(path.join(folder, "server.ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
	const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "server.ext", "-days", "2"];
	openssl("x509", "-req", "-in", "server.csr", ...signed, "-out", "server.pem");
}
