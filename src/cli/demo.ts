import { join, resolve } from "node:path";
import type { ExplainedRow } from "../app/demo-row.js";
import type { TrainReport } from "../training/train.js";
import { type AddCommand, answering, wholeNumber } from "./command.js";
import { interruptible } from "./interruption.js";
import { relativePath } from "./paths.js";
import { table } from "./table.js";
import { count, grouped, showProgress } from "./train-progress.js";

/** Ten years. */
const MOST_DAYS = 3653;

interface Options {
  readonly days: number;
  readonly events: number;
  readonly seed: number;
}

export const addDemo: AddCommand = (group, terminal, exit) => {
  group
    .command("demo")
    .summary("make a complete project with data, train it and show what came out")
    .description(
      "Makes a copy of examples/artworks with made-up data in a new folder (or goes on with one that it made), trains its dssm_ranking and shows paths, rows and one row explained column by column.",
    )
    .argument("[dir]", "folder of the demo", "./daedalus-demo")
    .option("--days <n>", "days of data", wholeNumber("--days", 1, MOST_DAYS), 7)
    .option("--events <n>", "rows of the feed", wholeNumber("--events", 1), 20_000)
    .option("--seed <n>", "equal seeds give equal data", wholeNumber("--seed", 0), 1)
    .action(
      answering(terminal, exit, async (_, options: Options, directory: string) => {
        const folder = resolve(directory);
        const { days, events, seed } = options;
        const size = { days, events: Math.max(events, days), seed };
        const { writeDemo } = await import("../app/demo-folder.js");
        const { DEMO_SERVICE: service, importDemoVectors } = await import("../app/demo/demo-project.js");
        const { loadProject } = await import("../app/project.js");
        const { compileService } = await import("../app/compile-service.js");
        const { train } = await import("../app/train-service.js");
        const { explainOneRow } = await import("../app/demo-row.js");
        const demo = await writeDemo(folder, size, () =>
          terminal.say(`making ${grouped(size.events)} events of ${count(days, "day")} in ${relativePath(folder)}`),
        );
        const project = await loadProject(folder);
        await importDemoVectors(project);
        const compiled = await compileService(project, service);
        terminal.warn(compiled.warnings);
        const report = await interruptible(
          (signal) => terminal.say(`${signal}: stopping; once more ends it at once`),
          (signal) =>
            train(compiled, {
              from: demo.days[0],
              to: demo.days[1],
              outputRoot: join(folder, "data", "training_output", service),
              command: "daeda demo",
              signal,
              onProgress: showProgress(terminal),
            }),
        );
        const shown = report.days.filter((day) => (day.rows ?? 0) > 0).at(-1);
        const row = shown && (await explainOneRow(compiled, join(report.outputRoot, `dt=${shown.day}`)));
        const failed = report.days.some(({ outcome }) => outcome === "failed");
        return {
          json: { directory: folder, service, report, ...(row === undefined ? {} : { row }) },
          text: demoText(directory, service, report, row),
          ...(failed ? { exitCode: 1 as const } : {}),
        };
      }),
    );
};

function demoText(directory: string, service: string, report: TrainReport, row: ExplainedRow | undefined): string {
  const days = report.days.map(({ day, rows, outcome }) => [
    relativePath(join(report.outputRoot, `dt=${day}`, "part-0-0.parquet")),
    rows === undefined ? outcome : grouped(rows),
  ]);
  const total = report.days.reduce((sum, { rows }) => sum + (rows ?? 0), 0);
  return [
    `${count(total, "row")} of training data for "${service}":`,
    "",
    table(["file", "rows"], days),
    ...(row === undefined ? [] : ["", `one row of ${relativePath(row.file)}, column by column:`, "", rowTable(row)]),
    "",
    "next:",
    `  cd ${directory} && daeda pipeline explain ${service}`,
    `  cd ${directory} && daeda pipeline status ${service}`,
    `  cd ${directory} && daeda pipeline train xgb_reranker    another service over the same views`,
    `  the definitions: ${relativePath(join(resolve(directory), "feature_services", `${service}.yaml`))}`,
  ].join("\n");
}

function rowTable({ columns }: ExplainedRow): string {
  return table(
    ["column", "dtype", "value", "operator", "from"],
    columns.map(({ name, dtype, value, operator, sources }) => [
      name,
      dtype,
      dtype.endsWith("[]") ? shortenedList(value, 36) : shortened(value, 36),
      lastSteps(operator, 48),
      shortened(sources.join(", "), 48),
    ]),
  );
}

function shortened(value: string, length: number): string {
  return value.length <= length ? value : `${value.slice(0, length - 1)}…`;
}

/** The first values of a list, and how many there are. */
function shortenedList(value: string, length: number): string {
  const values = value.split(", ");
  if (value.length <= length) return value;
  const rest = `, … ${values.length} in all]`;
  let shown = values.length - 1;
  while (shown > 1 && values.slice(0, shown).join(", ").length + rest.length > length) shown -= 1;
  return shortened(`${values.slice(0, shown).join(", ")}${rest}`, length);
}

/** The value's last makers: those that fit. */
function lastSteps(operator: string, length: number): string {
  const steps = operator.split(" → ");
  const shown = (from: number) => (from === 0 ? operator : ["…", ...steps.slice(from)].join(" → "));
  const from = steps.findIndex((_, index) => shown(index).length <= length);
  return shortened(shown(Math.max(from, 0)), length);
}
