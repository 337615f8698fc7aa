// What Moleculer's runner reads. The settings themselves, and why, stand in middlewares/broker-options.ts.

import { makeRuntime } from "./lib/runtime.ts";
import { brokerOptions } from "./middlewares/broker-options.ts";

export default brokerOptions(makeRuntime());
