import { resolve } from "node:path";
import { Option } from "commander";
import { parseIso } from "../columnar/instants.js";
import { FEATURE_BACKENDS } from "../definitions/feature-run.js";
import { featureRunProblem } from "../errors/formula.js";
import { DaedalusError } from "../errors/problem.js";
import { oneOf, type Surroundings } from "./command.js";

/** The file that a command reads where none is named. */
export const FEATURES_FILE = "features.yaml";

/** The file of a run: relative to the project's folder. */
export function featuresFile({ project }: Surroundings, file: string): string {
  return resolve(project, file);
}

/** Commander's parser of a UTC time, in microseconds. Throws DaedalusError `features/bad-time`, exit code 2. */
export function timeOption(option: string): (text: string) => bigint {
  return (text) => {
    const nanos = parseIso(text);
    if (nanos !== undefined && nanos % 1000n === 0n) return nanos / 1000n;
    throw new DaedalusError([featureRunProblem("bad-time", { option, value: text })], 2);
  };
}

/** Who computes, instead of the file's backend. */
export function backendOption(): Option {
  return new Option("--backend <backend>", `who computes: ${FEATURE_BACKENDS.join(", ")}`).argParser(
    oneOf("--backend", FEATURE_BACKENDS),
  );
}
