import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

// Rule 3 of the overview: columns travel as typed buffers. No row objects, no JSON rows, no closure per row anywhere in the
// data path; small answers (a count, a schema) may come as values, through one door.

/** Where data travel. */
const DATA_PATH = [
  "src/engines",
  "src/embeddings",
  "src/sources",
  "src/training",
  "src/storage",
  "src/columnar",
  "src/tasks",
  "src/runs",
];

interface Forbidden {
  readonly what: string;
  readonly pattern: RegExp;
  /** Files that may: why. */
  readonly except: Readonly<Record<string, string>>;
}

const FORBIDDEN: readonly Forbidden[] = [
  {
    what: "rows as objects or arrays",
    pattern:
      /\.(getRow\w*|getColumns\w*|fetchAllRows|fetchRows|convertRow\w*|toRecords|rows\(\)|yieldRow\w*|streamAndRead\w*)\b/,
    except: { "src/engines/sql/session.ts": "SqlSession.query: small answers only" },
  },
  {
    what: "rows that DuckDB's JavaScript reader materialises",
    pattern: /\brunAndRead\w*|\breadAll\b|\breadUntil\b/,
    except: { "src/engines/sql/session.ts": "SqlSession.query: small answers only" },
  },
  {
    what: "columns as JavaScript arrays",
    pattern: /\.(toArray|toJSON|getColumnsJS|columnsJson)\(/,
    except: {},
  },
  {
    what: "JSON of data",
    pattern: /\bJSON\.parse\(/,
    except: {
      "src/engines/sql/json-text.ts": "the reader of sources that speak JSON",
      "src/engines/sql/json-lines.ts": "the reader of sources that speak JSON: the list of wanted names",
      "src/engines/sql/syntax-tree.ts": "DuckDB's syntax tree of a predicate",
      "src/training/qid-map.ts": "a small document about the map, no sessions",
      "src/storage/day-manifest.ts": "the manifest",
      "src/training/day-states.ts": "manifests",
      "src/runs/ledger.ts": "documents of the machine room",
      "src/runs/owner.ts": "the owner file",
      "src/runs/commit.ts": "the journal of a commit",
      "src/tasks/exact-json.ts": "task documents",
      "src/tasks/message-stream.ts": "orders and answers",
    },
  },
  {
    what: "rows appended one by one",
    pattern: /\.append(Value|Row|Integer|BigInt|Double|Varchar|List|Null)\(|endRow\(/,
    except: {},
  },
  {
    what: "an as-of join that ignores strictness",
    pattern: /joinAsof|join_asof/i,
    except: {
      "src/engines/polars/window-frames.ts": "integers: strictly before is one tick less, and equal ones match",
    },
  },
  { what: "strictness that is ignored", pattern: /allowExactMatches/, except: {} },
];

function sources(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

describe("the data path", () => {
  const files = DATA_PATH.flatMap(sources);

  test("is where it is looked for", () => {
    expect(files.length).toBeGreaterThan(40);
  });

  test("has no exemption that nothing needs", () => {
    const idle = FORBIDDEN.flatMap(({ pattern, except }) =>
      Object.keys(except).filter((file) => !files.includes(file) || !pattern.test(readFileSync(file, "utf8"))),
    );
    expect(idle).toEqual([]);
  });

  for (const { what, pattern, except } of FORBIDDEN)
    test(`holds no ${what}`, () => {
      const found = files
        .filter((file) => !(file in except))
        .flatMap((file) =>
          readFileSync(file, "utf8")
            .split("\n")
            .flatMap((line, i) => (pattern.test(withoutComment(line)) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
        );
      expect(found).toEqual([]);
    });

  test("has one door for small answers, and what passes it is never a table of data", () => {
    const asked = files.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\.query\(\s*(?:`|")([^`"]*)/g)].map(
        (match) => `${file}: ${match[1]?.trim()}`,
      ),
    );
    // A SELECT of whole rows would be data.
    expect(asked.filter((text) => /SELECT\s+\*\s+FROM/i.test(text) && !/DESCRIBE|LIMIT 1\b/i.test(text))).toEqual([]);
  });

  test("would be seen", () => {
    const line = "for (const row of await reader.getRowObjects()) add(JSON.parse(row));";
    expect(FORBIDDEN.filter(({ pattern }) => pattern.test(line)).map(({ what }) => what)).toEqual([
      "rows as objects or arrays",
      "JSON of data",
    ]);
  });
});

describe("what runs in Ray's own processes", () => {
  /** No rows, no frames, and no writer of Ray's: it scrambles rows within files. */
  const REFUSED =
    /pandas|to_pydict|iter_rows|take_all|\.take\(|write_parquet|read_parquet|\.materialize\(|batch_format="(?!pyarrow")/;
  /** The plan's own columns: documents, not data. */
  const PLAN = /\["(id|task|attempts|answer)"\]\.to_pylist\(\)/g;
  const files = readdirSync("ray").filter((name) => name.endsWith(".py"));

  /** What is wrong with a program, by its lines. */
  function mistakesOf(text: string): readonly string[] {
    const lines = text.split("\n").filter((line) => REFUSED.test(line) || /to_pylist/.test(line.replace(PLAN, "")));
    const calls = text.split(/\b(?:map_batches|iter_batches)\(/).slice(1);
    return [...lines, ...calls.filter((call) => !argumentsOf(call).includes('batch_format="pyarrow"'))];
  }

  test("moves Arrow tables of documents, and says so in every map_batches", () => {
    expect(files).toEqual(["driver.py", "node_worker.py"]);
    const texts = files.map((name) => readFileSync(join("ray", name), "utf8"));
    expect(texts.flatMap(mistakesOf)).toEqual([]);
    expect(texts.join("").match(/map_batches\(/g)).toHaveLength(1);
  });

  test("would be seen", () => {
    const wrong = [
      "import pandas as pd",
      'x = batch["v"].to_pylist()',
      "ds.map_batches(f, batch_size=(1))",
      "ds.write_parquet(p)",
    ];
    expect(wrong.map((line) => mistakesOf(line).length)).toEqual([1, 1, 1, 1]);
    expect(mistakesOf('ds.map_batches(f(1), batch_format="pyarrow")')).toEqual([]);
  });
});

/** Up to the bracket that closes the call. */
function argumentsOf(rest: string): string {
  let depth = 1;
  const end = [...rest].findIndex((letter) => {
    depth += letter === "(" ? 1 : letter === ")" ? -1 : 0;
    return depth === 0;
  });
  return rest.slice(0, end);
}

function withoutComment(line: string): string {
  return line.replace(/^\s*(\*|\/\/|\/\*\*).*$/, "").replace(/\s\/\/ .*$/, "");
}
