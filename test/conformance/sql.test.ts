import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import { sqlStoreSuite } from "./sql.suite.ts";
import { sqlEngineSuite } from "./sql-engine.suite.ts";
import { mysqlPlace, sqlitePlace } from "./sql-places.ts";

for (const durability of ["full", "process"] as const) sqlStoreSuite(`SQLite, ${durability}`, async () => sqlitePlace(durability));
sqlEngineSuite("SQLite", async () => sqlitePlace("process"));

describeWith("sql")("on a server", () => {
	const fresh = async () => mysqlPlace(await sharedServer("sql"));
	sqlStoreSuite("MariaDB", fresh);
	sqlEngineSuite("MariaDB", fresh);
});
