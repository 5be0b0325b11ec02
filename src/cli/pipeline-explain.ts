import type { CompiledService } from "../app/compile-service.js";
import { toJson } from "../app/plain-json.js";
import type { Explanation } from "../compiler/explain.js";
import { ROLLING_ENGINES, type RollingEngine } from "../definitions/runtime.js";
import { commandProblem } from "../errors/command.js";
import { DaedalusError } from "../errors/problem.js";
import { traceProblem } from "../errors/trace.js";
import { type AddCommand, answering, oneOf, refuseTwoForms } from "./command.js";
import { interruptible } from "./interruption.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { rowText } from "./row-text.js";
import type { Answer, Terminal } from "./terminal.js";

const FORMATS = ["text", "json", "mermaid", "html"] as const;
type Format = (typeof FORMATS)[number];

interface Options extends FileOptions {
  readonly format?: Format;
  readonly out?: string;
  readonly analyze?: boolean;
  readonly targetDate?: string;
  readonly engine?: RollingEngine;
  readonly row?: string;
  readonly column?: string;
  readonly outputRoot?: string;
}

export const addPipelineExplain: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("explain")
    .summary("show the DAG and each column's lineage, or where the values of one row come from")
    .description(
      "Prints the operators of a service and their engines, where each column comes from, the SQL of each stage and the static views that can leak; json and html also what the manifests of the written days say of the columns. --analyze runs one day into nothing and adds engine, rows, bytes and time of each operator. With --row: where the values of one row come from, recomputed from the source rows without the engine and compared bit for bit with the written file (exit 1 if they differ). --json is --format json.",
    )
    .argument("<service>", "name of a feature service")
    .option(
      "--format <format>",
      'text, json, mermaid or html: one self-contained page (default: "text")',
      oneOf("--format", FORMATS),
    )
    .option("--out <file>", "write it to a file instead of stdout")
    .option("--analyze", "run the day --target-date into nothing, and tell what each operator did")
    .option("--target-date <day>", "the day that --analyze runs, YYYY-MM-DD")
    .option(
      "--engine <engine>",
      `who runs rolling aggregates, as for train --engine: ${ROLLING_ENGINES.join(", ")}`,
      oneOf("--engine", ROLLING_ENGINES),
    )
    .option(
      "--row <keys@time>",
      "one row: key=value,…@time; the time as ISO 8601 or as an integer of the spine's timestamp unit",
    )
    .option("--column <name>", "with --row: the full story of one column, instead of a line for each")
    .option("--output-root <dir>", "folder of the written days, instead of output_root");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const format = options.format ?? (terminal.json ? "json" : "text");
      if (terminal.json && options.out === undefined) refuseTwoForms(format);
      refuseMixedQuestions(options, format);
      const targetDate = dayToAnalyze(options, service);
      const opened = await openProject(surroundings, options);
      const { compileOpened, explain } = await import("../app/compile-service.js");
      const { analyze, writtenDaysOf } = await import("../app/explain-service.js");
      const { onEngine } = await import("../app/on-engine.js");
      const compiled = onEngine(await compileOpened(opened, service), options.engine);
      terminal.warn(compiled.warnings);
      if (options.row !== undefined) return explainOneRow(compiled, options.row, options, format);
      const output = options.outputRoot === undefined ? {} : { outputRoot: options.outputRoot };
      const analysis =
        targetDate === undefined
          ? undefined
          : await interruptible(
              (signal) => terminal.say(`${signal}: stopping; once more ends it at once`),
              (signal) => analyze(compiled, { ...output, targetDate, signal }),
            );
      const explanation = explain(compiled, {
        written: await writtenDaysOf(compiled, output),
        ...(analysis === undefined ? {} : { analysis }),
      });
      const text = await rendered(explanation, format, terminal);
      return options.out === undefined ? { json: explanation, text } : written(options.out, text);
    }),
  );
};

/** Throws DaedalusError, exit code 2: a row is another question than the pipeline is. */
function refuseMixedQuestions({ row, column, analyze, engine }: Options, format: Format): void {
  const problems = [
    ...(row === undefined && column !== undefined ? [traceProblem("row-option-alone", { option: "--column" })] : []),
    ...(row !== undefined && (format === "mermaid" || format === "html")
      ? [traceProblem("row-with-format", { format })]
      : []),
    ...(row !== undefined && analyze === true ? [traceProblem("row-with-analyze", undefined)] : []),
    ...(row !== undefined && engine !== undefined ? [traceProblem("row-with-engine", undefined)] : []),
  ];
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}

async function explainOneRow(
  compiled: CompiledService,
  row: string,
  { column, outputRoot, out }: Options,
  format: Format,
): Promise<Answer> {
  const { explainRow } = await import("../app/explain-row.js");
  const json = await explainRow(compiled, row, {
    ...(column === undefined ? {} : { columns: [column] }),
    ...(outputRoot === undefined ? {} : { outputRoot }),
  });
  const stops = json.rows.some(({ columns }) => columns.some(({ stops }) => stops === true));
  const text = format === "json" ? toJson(json) : rowText(json, column !== undefined);
  const answer: Answer = out === undefined ? { json, text } : await written(out, text);
  return { ...answer, ...(json.written.outcome === "different" || stops ? { exitCode: 1 as const } : {}) };
}

/** Undefined: nothing is to be analyzed. Throws DaedalusError, exit code 2. */
function dayToAnalyze({ analyze, targetDate }: Options, service: string): string | undefined {
  if (analyze === true && targetDate === undefined)
    throw new DaedalusError([commandProblem("analyze-without-day", { service })], 2);
  if (analyze !== true && targetDate !== undefined)
    throw new DaedalusError([commandProblem("day-without-analyze", { service, day: targetDate })], 2);
  return targetDate;
}

/** In the format wanted, without secrets: what JSON and the page hold is masked before it is quoted. */
async function rendered(explanation: Explanation, format: Format, terminal: Terminal): Promise<string> {
  const { explanationPage, renderExplanation } = await import("../app/explain-service.js");
  if (format === "text" || format === "mermaid") return terminal.masked(renderExplanation(explanation, format));
  const json = toJson(explanation, (text) => terminal.masked(text));
  return format === "json" ? json : explanationPage(json);
}

async function written(path: string, text: string): Promise<Answer> {
  const { writeText } = await import("../app/compile-service.js");
  await writeText(path, text.endsWith("\n") ? text : `${text}\n`);
  return { json: { written: path }, text: path };
}
