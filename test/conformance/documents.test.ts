import { documentEngineConformance } from "./documents.suite.ts";
import { inFolder } from "./documents-place.ts";

documentEngineConformance("embedded SQLite", () => inFolder("full"));
documentEngineConformance("embedded SQLite, durable for the process", () => inFolder("process"));
