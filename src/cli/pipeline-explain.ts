import { type AddCommand, answering, oneOf } from "./command.js";
import { toJson } from "./json.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";

const FORMATS = ["text", "json", "mermaid"] as const;

interface Options extends FileOptions {
  readonly format: (typeof FORMATS)[number];
}

export const addPipelineExplain: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("explain")
    .summary("show the DAG, each column's lineage, the SQL and what can leak")
    .description(
      "Prints the operators of a service and their engines, where each column comes from, the SQL of each stage and the static views that can leak. --json is --format json.",
    )
    .argument("<service>", "name of a feature service")
    .option("--format <format>", "text, json or mermaid", oneOf("--format", FORMATS), "text");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const opened = await openProject(surroundings, options);
      const { compileOpened, explain, renderExplanation } = await import("../app/compile-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      const json = explain(compiled);
      return { json, text: options.format === "json" ? toJson(json) : renderExplanation(json, options.format) };
    }),
  );
};
