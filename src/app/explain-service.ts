import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Analysis } from "../compiler/explain/analysis.js";
import { fillPage } from "../compiler/explain/html.js";
import { explainMermaid } from "../compiler/explain/mermaid.js";
import { explainText } from "../compiler/explain/text.js";
import { collectWrittenDays, type WrittenDays } from "../compiler/explain/written-days.js";
import type { Explanation } from "../compiler/explain.js";
import { type DayManifest, readManifest } from "../storage/day-manifest.js";
import { analyze as analyzeInputs } from "../training/analyze.js";
import { unitOf, writtenDays } from "../training/day-states.js";
import { coverageStores } from "../training/inputs.js";
import type { CompiledService } from "./compile-service.js";
import { openDay } from "./open-day.js";
import { checkOptions, checkValue, isObject, oneOf, type Shape, SIGNAL, TEXT } from "./options.js";
import { toJson } from "./plain-json.js";
import { type OutputOptions, outputRootOf, withTrainingInputs } from "./training-inputs.js";

export interface AnalyzeOptions extends OutputOptions {
  /** `YYYY-MM-DD` */
  readonly targetDate: string;
  readonly signal?: AbortSignal;
}

const EXPLANATION: Shape = {
  is: (value) =>
    typeof value === "string"
      ? value.trimStart().startsWith("{") && value.includes(`"operators"`)
      : isObject(value) && "operators" in value,
  expected: "what explain gives, or its JSON",
};
const ANALYZE = { outputRoot: TEXT, targetDate: TEXT, signal: SIGNAL };

/**
 * Runs one day of a compiled service into nothing and tells of each operator what it did: for `explain`. Throws DaedalusError
 * as `train` does.
 */
export async function analyze(compiled: CompiledService, options: AnalyzeOptions): Promise<Analysis> {
  checkOptions("analyze", options, ANALYZE, { needed: ["targetDate"] });
  const { duckdbConfig } = compiled.project.runtimeOf(compiled.pipeline.service).compute;
  const temporary = await existing(duckdbConfig["temp_directory"]);
  return withTrainingInputs(compiled, options, (inputs) =>
    analyzeInputs({
      ...inputs,
      targetDate: options.targetDate,
      ...(temporary === undefined ? {} : { temporary }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      openDay: () =>
        openDay({
          project: inputs.project,
          views: Object.fromEntries(inputs.views),
          stores: coverageStores(inputs),
          ...(inputs.udfs === undefined ? {} : { udfs: inputs.udfs }),
          duckdbConfig,
        }),
    }),
  );
}

/** Where the user lets temporary files of any size lie, if it is there. */
async function existing(folder: string | undefined): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() === true ? resolve(folder) : undefined;
}

/** What the manifests of the written days say of the columns: for `explain`. A day whose manifest is damaged is left out. */
export async function writtenDaysOf(compiled: CompiledService, options: OutputOptions = {}): Promise<WrittenDays> {
  checkOptions("writtenDaysOf", options, { outputRoot: TEXT });
  const outputRoot = options.outputRoot ?? outputRootOf(compiled);
  const manifests: DayManifest[] = [];
  for (const day of await writtenDays(resolve(outputRoot))) {
    const manifest = await readManifest(join(resolve(outputRoot), unitOf(day))).catch(() => undefined);
    if (manifest?.service === compiled.pipeline.service) manifests.push(manifest);
  }
  return collectWrittenDays(outputRoot, compiled.pipeline.output, manifests);
}

/** An explanation for readers: text, or a Mermaid diagram of the DAG. */
export function renderExplanation(explanation: Explanation, format: "text" | "mermaid"): string {
  checkValue("format", format, oneOf(["text", "mermaid"]));
  return format === "mermaid" ? explainMermaid(explanation) : explainText(explanation);
}

/** An explanation as one self-contained HTML page; it is also taken as it is printed with `--json`. Throws RangeError for what is neither. */
export async function explanationPage(explanation: Explanation | string): Promise<string> {
  checkValue("explanation", explanation, EXPLANATION);
  const json = typeof explanation === "string" ? explanation : toJson(explanation);
  return fillPage(await readFile(new URL("../compiler/explain/page.html", import.meta.url), "utf8"), json);
}
