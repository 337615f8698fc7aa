// A process of its own that plays a story of payments, so that it can be killed in the middle: `node play-story.ts <dataDir> <story as JSON> [<environment as JSON>]`.
import { type PaymentStory, playStory } from "./payments.ts";
import { startStoa } from "./stoa.ts";

const [dataDir, story, env = "{}"] = process.argv.slice(2) as [string, string, string?];
const stoa = await startStoa({
	services: ["commerce/payments"],
	dataDir,
	env: { ...JSON.parse(env), CRASH_AT: process.env.CRASH_AT ?? "" },
});
await playStory(stoa, JSON.parse(story) as PaymentStory);
await stoa.broker.stop();
