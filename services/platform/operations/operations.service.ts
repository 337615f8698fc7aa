// What operators see and steer: no store of its own, every answer is made of what the services' stores say at this moment.
import type { Service } from "moleculer";
import { answer } from "../../../lib/contract.ts";
import { type Runtime, runtimeOf } from "../../../lib/runtime.ts";
import { defineService } from "../../../lib/service.ts";
import { dropLetter, getLetter, listLetters, redriveLetter } from "./actions/dead-letters.ts";
import { listEvents, replay } from "./actions/events.ts";
import { listNodes, readOutbox } from "./actions/mesh.ts";
import { compensateSaga, getSaga, listSagas, retrySaga } from "./actions/sagas.ts";
import * as operations from "./operations.contract.ts";
import { Stores } from "./operations.stores.ts";

export type Operations = Service & { runtime: Runtime; stores: Stores; discover(): void };

export default defineService<Operations>({
	name: "operations",

	actions: {
		listEvents: answer(operations.listEvents, listEvents),
		listEventsAtPrompt: answer(operations.listEventsAtPrompt, listEvents),
		replay: answer(operations.replay, replay),
		replayAtPrompt: answer(operations.replayAtPrompt, replay),

		listLetters: answer(operations.listLetters, listLetters),
		listLettersAtPrompt: answer(operations.listLettersAtPrompt, listLetters),
		getLetter: answer(operations.getLetter, getLetter),
		getLetterAtPrompt: answer(operations.getLetterAtPrompt, getLetter),
		redriveLetter: answer(operations.redriveLetter, redriveLetter),
		redriveLetterAtPrompt: answer(operations.redriveLetterAtPrompt, redriveLetter),
		dropLetter: answer(operations.dropLetter, dropLetter),
		dropLetterAtPrompt: answer(operations.dropLetterAtPrompt, dropLetter),

		listSagas: answer(operations.listSagas, listSagas),
		listSagasAtPrompt: answer(operations.listSagasAtPrompt, listSagas),
		getSaga: answer(operations.getSaga, getSaga),
		getSagaAtPrompt: answer(operations.getSagaAtPrompt, getSaga),
		retrySaga: answer(operations.retrySaga, retrySaga),
		retrySagaAtPrompt: answer(operations.retrySagaAtPrompt, retrySaga),
		compensateSaga: answer(operations.compensateSaga, compensateSaga),
		compensateSagaAtPrompt: answer(operations.compensateSagaAtPrompt, compensateSaga),

		listNodes: answer(operations.listNodes, listNodes),
		readOutbox: answer(operations.readOutbox, readOutbox),
		readOutboxAtPrompt: answer(operations.readOutboxAtPrompt, readOutbox),
	},

	created() {
		this.runtime = runtimeOf(this.broker);
		this.stores = new Stores(this.broker);
		this.discover = () => this.stores.discover();
	},

	// A service that leaves before anybody asked must be missed as well.
	async started() {
		this.broker.localBus.on("$services.changed", this.discover);
		this.discover();
	},

	async stopped() {
		this.broker.localBus.off("$services.changed", this.discover);
	},
});
