import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { caseToJson } from "./case-json.js";
import { differenceOf } from "./compare.js";
import type { ProjectCase } from "./random-project.js";
import { smallestDifference } from "./smallest-difference.js";

export const COUNTER_EXAMPLES = join(import.meta.dirname, "counter-examples");

/** Shrinks the project, keeps it, and tells both differences. */
export async function keepCounterExample(name: string, one: ProjectCase, difference: string): Promise<string> {
  const small =
    process.env["DAEDALUS_SHRINK"] === "0"
      ? one
      : await smallestDifference(one, (candidate) => sameFault(candidate, difference));
  mkdirSync(COUNTER_EXAMPLES, { recursive: true });
  const file = join(COUNTER_EXAMPLES, `${name}.json`);
  if (process.env["DAEDALUS_DIST"] === undefined) writeFileSync(file, caseToJson(small));
  return `${name}: ${difference}\nmade small in ${file}: ${await differenceOf(small)}`;
}

/** A candidate counts only if it fails in the same manner: values stay a difference of values, a stop a stop of that code. */
async function sameFault(candidate: ProjectCase, difference: string): Promise<boolean> {
  const manner = (text: string): string =>
    /^the product stops: \S*( {2}\S+)?|^the product writes|^days|^qid map|columns|parts of|rows instead|row \d+/
      .exec(text)?.[0]
      .replace(/\d+/g, "") ?? "";
  try {
    const found = await differenceOf(candidate);
    return found !== undefined && manner(found) === manner(difference);
  } catch {
    return false; // the candidate makes no sense to the oracle
  }
}
