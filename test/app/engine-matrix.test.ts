import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyze, type CompiledService, compileService, explain, loadProject } from "daedalus";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PIT_ENGINES, type PitEngine, ROLLING_ENGINES, type RollingEngine } from "#daedalus/definitions/runtime.js";
import { writeShop } from "../support/shop.js";

let folder: string;
let compiled: CompiledService;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-matrix-"));
  await writeShop(folder);
  compiled = await compileService(await loadProject(folder, { environment: {} }), "rank");
});
afterAll(() => rm(folder, { recursive: true }));

function on(rollingEngine: RollingEngine, pitEngine: PitEngine): CompiledService {
  const operators = compiled.pipeline.operators.map((operator) => {
    if (operator.kind === "rolling_aggregate") return { ...operator, rollingEngine };
    return operator.kind === "pit_join" ? { ...operator, pitEngine } : operator;
  });
  return { ...compiled, pipeline: { ...compiled.pipeline, operators } };
}

/** Operator kind → who runs it, for each choice. */
const MATRIX: Readonly<Record<string, readonly string[]>> = {
  scan: ["duckdb", "duckdb", "duckdb", "duckdb", "duckdb", "duckdb"],
  filter: ["duckdb", "duckdb", "duckdb", "duckdb", "duckdb", "duckdb"],
  project: ["duckdb", "duckdb", "duckdb", "duckdb", "duckdb", "duckdb"],
  join: ["duckdb", "duckdb", "duckdb", "duckdb", "duckdb", "duckdb"],
  pit_join: ["kernel", "duckdb", "kernel", "duckdb", "kernel", "duckdb"],
  rolling_aggregate: ["kernel", "kernel", "duckdb", "duckdb", "polars", "polars"],
  sink: ["duckdb", "duckdb", "duckdb", "duckdb", "duckdb", "duckdb"],
};

test("who ran which operator, for every choice of engines; all gave the same rows", async () => {
  const choices = ROLLING_ENGINES.flatMap((rolling) => PIT_ENGINES.map((pit) => [rolling, pit] as const));
  const found: Record<string, string[]> = {};
  const rows = new Set<number>();
  for (const [rolling, pit] of choices) {
    const service = on(rolling, pit);
    const analysis = await analyze(service, { targetDate: "2024-01-04", outputRoot: join(folder, "out") });
    rows.add(analysis.rows);
    const made = new Map<string, Set<string>>();
    for (const { name, kind } of service.pipeline.operators) {
      const engine = analysis.operators[name]?.engine ?? "";
      made.set(kind, (made.get(kind) ?? new Set()).add(engine));
    }
    for (const [kind, engines] of made) found[kind] = [...(found[kind] ?? []), [...engines].join("+")];
    for (const { name, composedInto } of explain(service).operators)
      expect(analysis.operators[name]?.countedIn, `${name} on ${rolling}`).toEqual(composedInto);
    const rolled = service.pipeline.operators.filter(({ kind }) => kind === "rolling_aggregate");
    for (const { name } of rolled) expect(analysis.operators[name]?.bytes, `${name} on ${rolling}`).toBeGreaterThan(0);
  }
  console.table(
    Object.fromEntries(
      Object.entries(found).map(([kind, engines]) => [
        kind,
        Object.fromEntries(choices.map((choice, i) => [choice.join(" / "), engines[i]])),
      ]),
    ),
  );
  expect(found).toEqual(MATRIX);
  expect([...rows]).toHaveLength(1);
});
