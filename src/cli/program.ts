import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addCatalogList } from "./catalog-list.js";
import { addCatalogShow } from "./catalog-show.js";
import { addDemo } from "./demo.js";
import { addEmbeddingsImport } from "./embeddings-import.js";
import { addEmbeddingsShow } from "./embeddings-show.js";
import { addFeaturesCompute } from "./features-compute.js";
import { addFeaturesExplain } from "./features-explain.js";
import { addFeaturesList } from "./features-list.js";
import { addFeaturesShow } from "./features-show.js";
import { addInit } from "./init.js";
import { addPipelineAudit } from "./pipeline-audit.js";
import { addPipelineCompile } from "./pipeline-compile.js";
import { addPipelineExplain } from "./pipeline-explain.js";
import { addPipelinePlan } from "./pipeline-plan.js";
import { addPipelineStatus } from "./pipeline-status.js";
import { addPipelineTrain } from "./pipeline-train.js";
import { addSchema } from "./schema.js";
import { addSetupRay } from "./setup-ray.js";
import type { Terminal } from "./terminal.js";

/** The whole command line. `exit` is told the exit code of a command that ran and tells of a failure. */
export function commandLine(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command("daeda")
    .description("Point-in-time-correct training data from feature definitions in YAML.")
    .version(version(), "--version", "print the version")
    .option("--project <dir>", "folder of the project's daedalus.yaml", ".")
    .option("--json", "print the answer (and errors) as JSON on stdout")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print the help of a command")
    .configureHelp({ showGlobalOptions: true })
    // Mistakes are thrown, and told by `runCommandLine` in the form of all other errors.
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const add of [addInit, addDemo, addSchema]) add(program, terminal, exit);
  const pipeline = program.command("pipeline").description("compile, explain, plan, train and audit a feature service");
  for (const add of [
    addPipelineCompile,
    addPipelineExplain,
    addPipelinePlan,
    addPipelineTrain,
    addPipelineStatus,
    addPipelineAudit,
  ])
    add(pipeline, terminal, exit);
  const features = program.command("features").description("columns that are written as formulas, of bars and trades");
  for (const add of [addFeaturesCompute, addFeaturesExplain, addFeaturesList, addFeaturesShow])
    add(features, terminal, exit);
  const catalog = program.command("catalog").description("what the project defines");
  for (const add of [addCatalogList, addCatalogShow]) add(catalog, terminal, exit);
  const embeddings = program.command("embeddings").description("the vectors that embedding columns are filled from");
  for (const add of [addEmbeddingsImport, addEmbeddingsShow]) add(embeddings, terminal, exit);
  const setup = program.command("setup").description("install what is not part of the package");
  addSetupRay(setup, terminal, exit);
  return program;
}

/** The package's version, from its own package.json. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "?";
}
