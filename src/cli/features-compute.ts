import { resolve } from "node:path";
import type { FeatureBackend } from "../definitions/feature-run.js";
import { formatProblem } from "../errors/problem.js";
import { type AddCommand, answering, wholeNumber } from "./command.js";
import { backendOption, FEATURES_FILE, featuresFile, timeOption } from "./features-options.js";
import { interruptible } from "./interruption.js";
import { relativePath } from "./paths.js";
import { table } from "./table.js";
import { grouped } from "./train-progress.js";

interface Options {
  readonly wide?: string;
  readonly start?: bigint;
  readonly end?: bigint;
  readonly symbol?: readonly string[];
  readonly backend?: FeatureBackend;
  readonly concurrency?: number;
  readonly strict?: boolean;
}

export const addFeaturesCompute: AddCommand = (group, terminal, exit) => {
  group
    .command("compute")
    .summary("compute the features of a run and write them as one Parquet file")
    .description(
      "Computes the features of features.yaml over its tables, and writes a row for each row of the first table, by symbol and time, with a column for each feature. A feature that fails is a column of NULLs, and its cause is told; the others are whole.",
    )
    .argument("[features.yaml]", "file of the run", FEATURES_FILE)
    .option("--wide <file>", "Parquet file to write, instead of output.wide")
    .option("--start <time>", "first time that is written, UTC", timeOption("--start"))
    .option("--end <time>", "time before which rows are written, UTC", timeOption("--end"))
    .option("--symbol <symbol...>", "symbols to compute, instead of symbols")
    .addOption(backendOption())
    .option("--concurrency <n>", "threads that compute", wholeNumber("--concurrency", 1))
    .option("--strict", "a feature that fails fails the command, and nothing is written")
    .action(
      answering(terminal, exit, async (surroundings, options: Options, file: string) => {
        const { computeFeatureRun, openFeatureRun } = await import("../app/features-service.js");
        const { wide, symbol, ...changes } = options;
        const opened = await openFeatureRun(featuresFile(surroundings, file), {
          ...changes,
          ...(wide === undefined ? {} : { wide: resolve(wide) }),
          ...(symbol === undefined ? {} : { symbols: symbol }),
        });
        const report = await interruptible(
          (signal) => terminal.say(`${signal}: stopping; once more ends it at once`),
          (signal) =>
            computeFeatureRun(opened, {
              signal,
              onProgress: (written, rows) => {
                if (terminal.interactive) terminal.draw(`\r\u001b[2K${grouped(written)} of ${grouped(rows)} rows`);
              },
            }),
        );
        if (terminal.interactive) terminal.draw("\r\u001b[2K");
        const failed = report.features.flatMap(({ name, problem }) =>
          problem === undefined ? [] : [`feature "${name}" failed:\n${formatProblem(problem)}`],
        );
        const rows = report.features.map(({ name, rows: count, nulls, status }) => [
          name,
          grouped(count),
          grouped(nulls),
          status,
        ]);
        return {
          json: report,
          text: [
            table(["feature", "rows", "nulls", "status"], rows),
            ...failed,
            ...(report.absentSymbols.length === 0 ? [] : [`no rows of ${report.absentSymbols.join(", ")}`]),
            `wrote ${relativePath(report.wide)}: ${grouped(report.rows)} rows, ${report.features.length} features`,
          ].join("\n"),
        };
      }),
    );
};
