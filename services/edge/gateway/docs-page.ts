// The try-it page: swagger-ui from its npm package, opened on our own OpenAPI document. Nothing is loaded from elsewhere.
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const page = `<!doctype html>
<html lang="en">
<head>
	<meta charset="utf-8">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<title>Stoa API</title>
	<link rel="stylesheet" href="/docs/swagger-ui.css">
	<link rel="icon" href="/docs/favicon-32x32.png" sizes="32x32">
</head>
<body>
	<div id="swagger-ui"></div>
	<script src="/docs/swagger-ui-bundle.js"></script>
	<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({
	url: "/v1/openapi.json",
	dom_id: "#swagger-ui",
	deepLinking: true,
	defaultModelsExpandDepth: 0,
	docExpansion: "list",
	filter: true,
	persistAuthorization: false,
	tryItOutEnabled: true,
	validatorUrl: null,
});
`;

/** What of the package is handed out; everything else in its folder is none of a browser's business. */
const packaged: Readonly<Record<string, string>> = {
	"swagger-ui.css": "text/css; charset=utf-8",
	"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
	"favicon-32x32.png": "image/png",
};

export interface PageFile {
	type: string;
	bytes: Buffer;
	etag: string;
}

const fileOf = (type: string, bytes: Buffer): PageFile => ({ type, bytes, etag: `"${hash("sha256", bytes, "base64url").slice(0, 22)}"` });
const read = new Map<string, PageFile>([["start.js", fileOf("text/javascript; charset=utf-8", Buffer.from(start))]]);

export const docsPage = fileOf("text/html; charset=utf-8", Buffer.from(page));

/** A file of the page by its name, or undefined when the page has none of that name. */
export async function docsFile(name: string): Promise<PageFile | undefined> {
	const known = read.get(name);
	if (known || !Object.hasOwn(packaged, name)) return known;
	const folder = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
	const file = fileOf(packaged[name]!, await readFile(path.join(folder, name)));
	read.set(name, file);
	return file;
}
