// What belongs to one request wherever its work goes on: facts and logs name it without every function passing it along.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Actor } from "./vocabulary.ts";

export interface Scope {
	requestId: string | null;
	traceparent: string | null;
	actor: Actor | null;
}

const storage = new AsyncLocalStorage<Scope>();

export const currentScope = (): Scope | undefined => storage.getStore();
export const withScope = <T>(scope: Scope | undefined, work: () => T): T => (scope ? storage.run(scope, work) : work());
/** Work in somebody's name where the access token does not say whose: a guest's, or who is just signing in. The request stays what it is. */
export const asActor = <T>(actor: Actor, work: () => T): T =>
	withScope({ requestId: null, traceparent: null, ...currentScope(), actor }, work);
