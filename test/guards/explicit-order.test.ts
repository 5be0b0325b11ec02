import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Where SQL decides what is written. */
const FOLDERS = ["src/engines/sql", "src/sources", "src/training"];

function interpolated(source: string): string {
  return source.replace(/\$\{[^}]*\}/g, "ASC NULLS FIRST");
}

test("every ORDER BY says its direction and where NULLs go: no value depends on a default of DuckDB", () => {
  const silent = FOLDERS.flatMap((folder) =>
    readdirSync(folder).flatMap((file) =>
      // What an interpolated term says is told by the function that makes it.
      [...interpolated(readFileSync(join(folder, file), "utf8")).matchAll(/ORDER BY ([^`)]*)/g)]
        .flatMap(([, terms = ""]) => terms.split(","))
        .filter((term) => !/ (ASC|DESC) NULLS (FIRST|LAST)|^\s*ASC NULLS/.test(term))
        .map((term) => `${file}: ORDER BY ${term.trim()}`),
    ),
  );
  expect(silent).toEqual([]);
});
