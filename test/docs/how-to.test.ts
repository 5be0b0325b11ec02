import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { blocksOf } from "./page.js";

const snippets = (await blocksOf("docs/how-to.md"))
  .filter(({ language }) => language === "yaml")
  .map(({ text }): readonly [string, unknown] => [/^# (\S+\.yaml)\n/.exec(text)?.[1] ?? text, parse(text)]);

test.each(snippets)("a snippet of the how-to stands in examples/shop/%s", async (file, snippet) => {
  const whole: unknown = parse(await readFile(join("examples/shop", file), "utf8"));
  expect(missing(snippet, whole)).toBeUndefined();
});

/** What of a snippet is not in the whole: each key of a map, each entry of a list, somewhere in it. */
function missing(part: unknown, whole: unknown): unknown {
  if (Array.isArray(part)) {
    const entries: readonly unknown[] = Array.isArray(whole) ? whole : [];
    return part.find((entry) => entries.every((candidate) => missing(entry, candidate) !== undefined));
  }
  if (typeof part === "object" && part !== null) {
    if (typeof whole !== "object" || whole === null) return part;
    const values = new Map<string, unknown>(Object.entries(whole));
    return Object.entries(part).find(
      ([key, value]) => !values.has(key) || missing(value, values.get(key)) !== undefined,
    );
  }
  return part === whole ? undefined : { part };
}
