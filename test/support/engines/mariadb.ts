// MariaDB on a folder of its own, as the user who runs the tests. An initialised folder is kept in .engines and copied: making one takes seconds.
import { execFile, execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { enginesFolder, findProgram } from "./programs.ts";
import type { Recipe } from "./server.ts";

export interface SqlOptions {
	maxConnections?: number;
	/** Options of mariadbd, the last word over ours: `--innodb-flush-log-at-trx-commit=2`. */
	args?: string[];
}

const run = promisify(execFile);
const logFileSize = "--innodb-log-file-size=16M";
/** mariadbd refuses to run as root by accident. */
const asOurselves = process.getuid?.() === 0 ? ["--user=root"] : [];
/** The installer runs without grants until they are flushed in. */
const user = "FLUSH PRIVILEGES;\nCREATE USER stoa@'%' IDENTIFIED BY 'stoa';\nGRANT ALL PRIVILEGES ON *.* TO stoa@'%' WITH GRANT OPTION;\n";

const findMariadb = () => findProgram("mariadbd") ?? findProgram("mysqld");
const findInstaller = () => findProgram("mariadb-install-db") ?? findProgram("mysql_install_db");

export function missingMariadb(): string | undefined {
	return findMariadb() && findInstaller() ? undefined : "no mariadbd with mariadb-install-db was found";
}

export function mariadbRecipe({ maxConnections = 300, args = [] }: SqlOptions = {}): Recipe {
	return {
		command: ({ folder, data, port }) => [
			findMariadb()!,
			"--no-defaults",
			...asOurselves,
			`--datadir=${data}`,
			`--socket=${path.join(folder, "sql.sock")}`,
			`--pid-file=${path.join(folder, "mariadbd.pid")}`,
			"--bind-address=127.0.0.1",
			`--port=${port}`,
			"--skip-name-resolve",
			"--character-set-server=utf8mb4",
			`--max-connections=${maxConnections}`,
			// A stopped test client must not lock the others out for "too many connection errors".
			"--max-connect-errors=1000000",
			logFileSize,
			"--innodb-buffer-pool-size=64M",
			"--key-buffer-size=1M",
			"--aria-pagecache-buffer-size=8M",
			"--performance-schema=OFF",
			...args,
		],
		async prepare({ data }) {
			fs.cpSync(await template(), data, { recursive: true });
		},
		url: port => `mysql://stoa:stoa@127.0.0.1:${port}`,
		// Its greeting names the way to log in; before it can serve, or when it is full, it sends an error instead.
		ready: { hear: /mysql_native_password/ },
	};
}

/** Made beside its place and moved there in one step, so that two workers may make it at once. */
async function template(): Promise<string> {
	const version = /[\d.]+-MariaDB|\d+\.\d+\.\d+/.exec(
		execFileSync(findMariadb()!, ["--no-defaults", "--version"], { encoding: "utf8" }),
	)?.[0];
	const place = path.join(enginesFolder, `mariadb-template-${version ?? "unknown"}-${os.userInfo().username}`);
	if (fs.existsSync(place)) return place;
	fs.mkdirSync(enginesFolder, { recursive: true });
	const making = fs.mkdtempSync(path.join(enginesFolder, "mariadb-making-"));
	try {
		const extra = path.join(making, "user.sql");
		fs.writeFileSync(extra, user);
		const data = path.join(making, "data");
		const fixed = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"];
		await run(findInstaller()!, [...fixed, `--extra-file=${extra}`, `--datadir=${data}`, logFileSize, ...asOurselves]);
		try {
			fs.renameSync(data, place);
		} catch (error) {
			if (!fs.existsSync(place)) throw error;
		}
		return place;
	} finally {
		fs.rmSync(making, { recursive: true, force: true });
	}
}
