import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pipelineToYaml } from "#daedalus/compiler/pipeline-yaml.js";
import { ROLLING_ENGINES } from "#daedalus/definitions/runtime.js";
import { type Edit, edited, openWorkshop, type Workshop } from "./fixture.js";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const FILE = "config/pipelines/rank.yaml";
const override = (text: string): Edit => [FILE, "", `operators:\n${text}\n`];

async function generatedEntry(name: string): Promise<string> {
  const { pipeline } = await workshop.compile();
  if (pipeline === undefined) throw new Error("the shop does not compile");
  const entries = pipelineToYaml(pipeline).split(/^(?=- name: )/m);
  const entry = entries.find((text) => text.startsWith(`- name: ${name}\n`) && text.includes("engine:"));
  if (entry === undefined) throw new Error(`no operator ${name}`);
  return entry;
}

test("without an entry nothing changes", async () => {
  const plain = await workshop.compile();
  const { pipeline, problems } = await workshop.compile([FILE, "", "operators: []\n"]);
  expect(problems).toEqual([]);
  expect(pipeline).toEqual(plain.pipeline);
});

test.each(ROLLING_ENGINES)(
  "a rolling aggregate runs on %s, under a tag that runs here, if its author says so",
  async (engine) => {
    const { pipeline } = await workshop.compile(
      override(`- {name: rolling, engine: sql_arrow_udf, rolling_engine: ${engine}}`),
    );
    const plain = await workshop.compile();
    expect(pipeline?.operators.find(({ name }) => name === "rolling")).toMatchObject({
      engine: "sql_arrow_udf",
      rollingEngine: engine,
    });
    expect(pipeline?.operators.filter(({ name }) => name !== "rolling")).toEqual(
      plain.pipeline?.operators.filter(({ name }) => name !== "rolling"),
    );
  },
);

test("a rolling aggregate runs in workers and a point-in-time join under the other tag, if their author says so", async () => {
  const { pipeline, problems } = await workshop.compile(
    override("- {name: rolling, engine: pythonic}\n- {name: lookup_recent, engine: sql_arrow_udf}"),
  );
  expect(problems).toEqual([]);
  const tags = new Map(pipeline?.operators.map(({ name, engine }) => [name, engine]));
  expect([tags.get("rolling"), tags.get("lookup_recent")]).toEqual(["pythonic", "sql_arrow_udf"]);
});

test("a whole copy of generated entries changes nothing", async () => {
  const copies = await Promise.all(["scan_feed", "rolling", "lookup_recent", "output", "sink"].map(generatedEntry));
  const { pipeline, problems } = await workshop.compile(override(copies.join("").trimEnd()));
  expect(problems).toEqual([]);
  expect(pipeline).toEqual((await workshop.compile()).pipeline);
});

test("inputs may be replaced by a relation that has what is read: independent operators change places", async () => {
  const { pipeline, problems } = await workshop.compile(
    override(
      "- {name: join_users, inputs: [join_items, scan_users]}\n- {name: join_items, inputs: [session_filter, scan_items]}\n- {name: rolling, inputs: [join_users, history_join_items]}",
    ),
  );
  expect(problems).toEqual([]);
  const names = pipeline?.operators.map(({ name }) => name) ?? [];
  expect(names.indexOf("join_items")).toBeLessThan(names.indexOf("join_users"));
});

describe("refused, with the reason and the place", () => {
  const cases: readonly (readonly [says: string, text: string, code: string, marked: string, suggestion?: string])[] = [
    ["an unknown operator", "- {name: roling, engine: sql}", "unknown-operator", "roling", "rolling"],
    ["an engine outside canRunOn", "- {name: sink, engine: pythonic}", "engine-cannot-run", "pythonic", "sql"],
    ["a word that is no engine", "- {name: rolling, engine: sqll}", "engine-cannot-run", "sqll", "sql"],
    ["a word near one", "- {name: rolling, engine: pythonik}", "engine-cannot-run", "pythonik", "pythonic"],
    ["a scan outside SQL", "- {name: scan_feed, engine: sql_arrow_udf}", "engine-cannot-run", "sql_arrow_udf", "sql"],
    [
      "a point-in-time join in workers",
      "- {name: lookup_recent, engine: pythonic}",
      "engine-cannot-run",
      "pythonic",
      "sql",
    ],
    [
      "a rolling engine for workers",
      "- {name: rolling, engine: pythonic, rolling_engine: duckdb}",
      "rolling-engine-of-workers",
      "duckdb",
    ],
    ["an unknown rolling engine", "- {name: rolling, rolling_engine: spark}", "rolling-engine-not-here", "spark"],
    ["an unknown field", "- {name: sink, part_row: 3}", "override-field-unknown", "3", "part_rows"],
    ["a field that differs", "- {name: sink, part_rows: 3}", "override-differs", "3"],
    [
      "another time",
      "- {name: rolling, timestamp_column: {column: x, resolution: us}}",
      "override-loosens-strictness",
      "{column",
    ],
    [
      "another available time",
      "- {name: join_items, available_time: {column: x, resolution: us}}",
      "override-loosens-strictness",
      "{column",
    ],
    ["an unknown input", "- {name: sink, inputs: [outpt]}", "input-unknown", "[outpt]", "output"],
    ["another number of inputs", "- {name: sink, inputs: [output, rolling]}", "input-count", "[output"],
    ["a cycle", "- {name: join_users, inputs: [sink, scan_users]}", "cycle", "[sink"],
    [
      "the content filter before curation",
      "- {name: content_filter, inputs: [assembly]}\n- {name: curation, inputs: [content_filter]}\n- {name: output, inputs: [curation]}",
      "filter-before-curation",
      "[assembly]",
    ],
    ["curation left out", "- {name: content_filter, inputs: [assembly]}", "filter-before-curation", "[assembly]"],
    ["an operator left out", "- {name: output, inputs: [curation]}", "input-left-out", "[curation]"],
    [
      "an input without the columns that are read",
      "- {name: rolling, inputs: [join_items, scan_items_history]}",
      "operator-column",
      "[join_items",
    ],
  ];
  for (const [says, text, code, marked, suggestion] of cases)
    test(says, async () => {
      const edit = override(text);
      const { problems, pipeline } = await workshop.compile(edit);
      const lines = (edited([edit])[FILE] ?? "").split("\n");
      const line = lines.findIndex((candidate) => candidate.includes(marked));
      expect(pipeline).toBeUndefined();
      expect(problems.map((problem) => problem.code)).toEqual([`compiler/${code}`]);
      expect(problems[0]).toMatchObject({
        file: FILE,
        line: line + 1,
        column: (lines[line] ?? "").indexOf(marked) + 1,
      });
      expect(problems[0]?.suggestion).toBe(suggestion);
    });

  test("dropping exclude_self", async () => {
    const entry = (await generatedEntry("rolling")).replace(/ *exclude_self: .*\n/, "");
    const { problems } = await workshop.compile(override(entry.trimEnd()));
    expect(problems.map(({ code }) => code)).toEqual(["compiler/override-drops-exclude-self"]);
  });
});
