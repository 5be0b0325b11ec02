import type { Command } from "commander";
import type { ProjectFiles } from "../app/project.js";
import type { Surroundings } from "./command.js";

/** The options that put other files in the place of the project's own. */
export interface FileOptions {
  readonly featureViewsDir?: string;
  readonly featureServicesDir?: string;
  readonly runtimeConfigPath?: string;
  readonly aggregationConfigPath?: string;
}

export function fileOptions(command: Command): Command {
  return command
    .option("--feature-views-dir <dir>", "folder of the feature views, instead of the project's")
    .option("--feature-services-dir <dir>", "folder of the feature services, instead of the project's")
    .option("--runtime-config-path <file>", "runtime.yaml, instead of the project's")
    .option("--aggregation-config-path <file>", "aggregations.yaml, instead of the project's");
}

/** The project that a command works on; its secrets are masked from here on. Mistakes in it are reported by what uses it. */
export async function openProject({ terminal, project }: Surroundings, options: FileOptions = {}) {
  const { readDefinitions, secretsOf } = await import("../app/project.js");
  terminal.hide(Object.values(environmentSecrets(process.env)));
  const opened = await readDefinitions(project, { files: filesOf(options) });
  terminal.hide(secretsOf(opened.project, process.env));
  return opened;
}

function filesOf(options: FileOptions): ProjectFiles {
  return {
    ...(options.featureViewsDir === undefined ? {} : { featureViews: options.featureViewsDir }),
    ...(options.featureServicesDir === undefined ? {} : { featureServices: options.featureServicesDir }),
    ...(options.runtimeConfigPath === undefined ? {} : { runtime: options.runtimeConfigPath }),
    ...(options.aggregationConfigPath === undefined ? {} : { aggregations: options.aggregationConfigPath }),
  };
}

/** Variables whose names say that they are secret: masked even where no connection could be read. */
function environmentSecrets(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        entry[1].length >= 6 &&
        /PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_?KEY/i.test(entry[0]),
    ),
  );
}
