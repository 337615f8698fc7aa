/** CommonJS transform inside Jest only: it is the one that keeps module mocks out and stack lines right. The product itself runs as ES modules. */
export default {
	testEnvironment: "node",
	roots: [
		"<rootDir>/lib",
		"<rootDir>/mixins",
		"<rootDir>/middlewares",
		"<rootDir>/services",
		"<rootDir>/test",
		"<rootDir>/scripts",
		"<rootDir>/bench",
	],
	testMatch: ["**/*.test.ts"],
	transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2024" }, module: { type: "commonjs" } }] },
	globalSetup: "<rootDir>/test/support/engines/desk.ts",
	globalTeardown: "<rootDir>/test/support/engines/close-desk.ts",
	testTimeout: 30_000,
};
