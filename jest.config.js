/** CommonJS transform inside Jest only: it is the one that keeps module mocks out and stack lines right. The product itself runs as ES modules. */
import { missingForMesh } from "./test/support/engines/engines.ts";

const common = {
	testEnvironment: "node",
	testMatch: ["**/*.test.ts"],
	transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2024" }, module: { type: "commonjs" } }] },
	setupFilesAfterEnv: ["<rootDir>/test/support/patience.ts"],
};
const folders = ["lib", "mixins", "middlewares", "services", "test", "scripts", "bench"].map(folder => `<rootDir>/${folder}`);

/** The journeys once more, with each domain on a node of its own and every store on a server; startStoa reads `stoaForm`. */
const mesh = { ...common, displayName: "mesh", roots: ["<rootDir>/test/journeys"], globals: { stoaForm: "mesh" } };

export default {
	projects: [{ ...common, displayName: "one process", roots: folders }, ...(missingForMesh() ? [] : [mesh])],
	globalSetup: "<rootDir>/test/support/engines/desk.ts",
	globalTeardown: "<rootDir>/test/support/engines/close-desk.ts",
};
