import type { CompiledService } from "../app/compile-service.js";
import { DaedalusError } from "../errors/problem.js";
import { traceProblem } from "../errors/trace.js";
import { type AddCommand, answering, oneOf } from "./command.js";
import { toJson } from "./json.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { rowText } from "./row-text.js";
import type { Answer } from "./terminal.js";

const FORMATS = ["text", "json", "mermaid"] as const;

interface Options extends FileOptions {
  readonly format: (typeof FORMATS)[number];
  readonly row?: string;
  readonly column?: string;
  readonly outputRoot?: string;
}

export const addPipelineExplain: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("explain")
    .summary("show the DAG and each column's lineage, or where the values of one row come from")
    .description(
      "Prints the operators of a service and their engines, where each column comes from, the SQL of each stage and the static views that can leak. With --row: where the values of one row come from, recomputed from the source rows without the engine and compared bit for bit with the written file (exit 1 if they differ). --json is --format json.",
    )
    .argument("<service>", "name of a feature service")
    .option("--format <format>", "text, json or mermaid", oneOf("--format", FORMATS), "text")
    .option(
      "--row <keys@time>",
      "one row: key=value,…@time; the time as ISO 8601 or as an integer of the spine's timestamp unit",
    )
    .option("--column <name>", "with --row: the full story of one column, instead of a line for each")
    .option("--output-root <dir>", "with --row: folder of the days, instead of output_root");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      refuse(options);
      const opened = await openProject(surroundings, options);
      const { compileOpened, explain, renderExplanation } = await import("../app/compile-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      if (options.row !== undefined) return explainOneRow(compiled, options.row, options);
      const json = explain(compiled);
      return { json, text: options.format === "json" ? toJson(json) : renderExplanation(json, options.format) };
    }),
  );
};

function refuse({ row, column, outputRoot, format }: Options): void {
  if (row !== undefined && format === "mermaid")
    throw new DaedalusError([traceProblem("row-with-format", { format })], 2);
  if (row !== undefined) return;
  const alone = [...(column === undefined ? [] : ["--column"]), ...(outputRoot === undefined ? [] : ["--output-root"])];
  const problems = alone.map((option) => traceProblem("row-option-alone", { option }));
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}

async function explainOneRow(compiled: CompiledService, row: string, options: Options): Promise<Answer> {
  const { explainRow } = await import("../app/explain-row.js");
  const { column, outputRoot, format } = options;
  const json = await explainRow(compiled, row, {
    ...(column === undefined ? {} : { columns: [column] }),
    ...(outputRoot === undefined ? {} : { outputRoot }),
  });
  const stops = json.rows.some(({ columns }) => columns.some(({ stops }) => stops === true));
  return {
    json,
    text: format === "json" ? toJson(json) : rowText(json, column !== undefined),
    ...(json.written.outcome === "different" || stops ? { exitCode: 1 as const } : {}),
  };
}
