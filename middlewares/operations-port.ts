import type { Middleware } from "moleculer";
export const operationsPort = (): Middleware => ({ name: "OperationsPort" });
