// A typed line as words: quotes hold words together, and JSON may be typed as it is.

const closing: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/** Where the JSON that begins at `start` ends; the end of the line when it is not closed. */
function endOfJson(line: string, start: number): number {
	const open: string[] = [];
	let inText = false;
	for (let at = start; at < line.length; at++) {
		const letter = line[at]!;
		if (inText) {
			if (letter === "\\") at++;
			else if (letter === '"') inText = false;
		} else if (letter === '"') inText = true;
		else if (closing[letter]) open.push(closing[letter]);
		else if (letter === open.at(-1)) {
			open.pop();
			if (open.length === 0) return at + 1;
		}
	}
	return line.length;
}

export function wordsOf(line: string): string[] {
	const words: string[] = [];
	for (let at = 0; at < line.length; ) {
		if (/\s/.test(line[at]!)) {
			at++;
			continue;
		}
		if (closing[line[at]!]) {
			const end = endOfJson(line, at);
			words.push(line.slice(at, end));
			at = end;
			continue;
		}
		let word = "";
		for (; at < line.length && !/\s/.test(line[at]!); at++) {
			const quote = line[at]!;
			const end = quote === '"' || quote === "'" ? line.indexOf(quote, at + 1) : -1;
			if (end < 0) word += quote;
			else {
				word += line.slice(at + 1, end);
				at = end;
			}
		}
		words.push(word);
	}
	return words;
}
