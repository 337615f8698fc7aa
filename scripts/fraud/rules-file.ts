import fs from "node:fs";
import { checker } from "../../middlewares/validation.ts";
import { checkRules } from "../../services/risk/fraud/rules/check-rules.ts";
import { starterPack } from "../../services/risk/fraud/rules/starter-pack.ts";
import { putRules, type Rule } from "../../services/risk/fraud/rules.contract.ts";
import { OptionError } from "./option-error.ts";

/** The rules of a file, a list or what `GET /v1/fraud/rules` answers; without one those of a new shop. Throws an {@link OptionError}. */
export function rulesFrom(file: string | undefined): readonly Rule[] {
	if (file === undefined) return starterPack;
	const given = read(file);
	const rules = Array.isArray(given) ? given : (given as { rules?: unknown } | null)?.rules;
	try {
		checker(putRules.params)({ rules });
		return checkRules(rules as Rule[]);
	} catch (error) {
		throw new OptionError(`${file}: ${(error as Error).message}`);
	}
}

function read(file: string): unknown {
	try {
		return JSON.parse(fs.readFileSync(file, "utf8"));
	} catch (error) {
		throw new OptionError(`${file} cannot be read as JSON: ${(error as Error).message}`);
	}
}
