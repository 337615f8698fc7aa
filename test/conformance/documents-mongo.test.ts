// On the server of STOA_TEST_MONGO_URL, which may be a real MongoDB; else on the one that stands in for it.
import { describeWith } from "../support/engines/describe-with.ts";
import { sharedServer } from "../support/engines/engines.ts";
import { documentEngineConformance } from "./documents.suite.ts";
import { nodesConformance } from "./documents-nodes.suite.ts";
import { onServer } from "./documents-place.ts";

describeWith("mongo")("documents on a server", () => {
	const fresh = async () => onServer(await sharedServer("mongo"));
	documentEngineConformance("MongoDB", fresh);
	nodesConformance(fresh);
});
