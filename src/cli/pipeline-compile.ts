import { resolve } from "node:path";
import { type AddCommand, answering } from "./command.js";
import { relativePath } from "./paths.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";

interface Options extends FileOptions {
  readonly outputDir?: string;
  readonly write: boolean;
}

export const addPipelineCompile: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("compile")
    .summary("check a service and write its pipeline as YAML")
    .description(
      "Checks the definitions against the sources' schemas (no rows are read), then writes and prints config/pipelines/<service>.generated.yaml.",
    )
    .argument("<service>", "name of a feature service")
    .option("--output-dir <dir>", "folder of the generated file, instead of config/pipelines")
    .option("--no-write", "only print it");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const opened = await openProject(surroundings, options);
      const { compileOpened, pipelineYaml, writePipeline } = await import("../app/compile-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      const path = options.write
        ? await writePipeline(compiled, options.outputDir === undefined ? undefined : resolve(options.outputDir))
        : undefined;
      if (path !== undefined && !terminal.json) terminal.say(`wrote ${relativePath(path)}`);
      const yaml = pipelineYaml(compiled);
      return {
        json: {
          service,
          version: compiled.pipeline.version,
          ...(path === undefined ? {} : { path }),
          pipeline: compiled.pipeline,
          warnings: compiled.warnings,
        },
        text: yaml,
      };
    }),
  );
};
