// Every command of the operator's prompt, in the order of the help.
import type { Command } from "./command.ts";
import { auditVerify, stockCheck } from "./commands/checks.ts";
import { eventsReplay, eventsTail } from "./commands/events.ts";
import { fraudBacktest, fraudClear, fraudQueue, fraudRules, fraudShow } from "./commands/fraud.ts";
import { letterDrop, letterList, letterRedrive, letterShow } from "./commands/letters.ts";
import { call, outbox } from "./commands/mesh.ts";
import { drain, nodes } from "./commands/nodes.ts";
import { order, orders } from "./commands/orders.ts";
import { interactions, notify } from "./commands/people.ts";
import { sagaCompensate, sagaList, sagaRetry, sagaShow } from "./commands/sagas.ts";
import { helpOver } from "./help.ts";

const working: readonly Command[] = [
	orders,
	order,
	interactions,
	notify,
	fraudQueue,
	fraudShow,
	fraudClear,
	fraudRules,
	fraudBacktest,
	sagaList,
	sagaShow,
	sagaRetry,
	sagaCompensate,
	outbox,
	letterList,
	letterShow,
	letterRedrive,
	letterDrop,
	eventsTail,
	eventsReplay,
	stockCheck,
	auditVerify,
	nodes,
	drain,
	call,
];

export const commands: readonly Command[] = [...working, ...helpOver(working)];
