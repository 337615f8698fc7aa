import type { Middleware } from "moleculer";
export const operatorSocket = (): Middleware => ({ name: "OperatorSocket" });
