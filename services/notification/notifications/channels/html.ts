// The same words for mail programs that show HTML. Whatever a message says is text there too.
import type { Message } from "./channel.ts";

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, sign => entities[sign]!);

export const htmlOf = ({ locale, title, body }: Pick<Message, "locale" | "title" | "body">): string =>
	`<!doctype html>
<html lang="${escapeHtml(locale)}">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body><h1>${escapeHtml(title)}</h1><p>${escapeHtml(body)}</p></body>
</html>
`;
