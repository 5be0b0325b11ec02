import { ROLLING_ENGINES } from "../definitions/runtime.js";
import { EXECUTORS } from "../tasks/task.js";
import { refuseUnknownKeys } from "./unknown-keys.js";

const SHAPES: Readonly<Record<string, readonly [is: (value: unknown) => boolean, expected: string]>> = {
  targetDate: [isText, "a text"],
  from: [isText, "a text"],
  to: [isText, "a text"],
  outputRoot: [isText, "a text"],
  command: [isText, "a text"],
  skeletonOnly: [isFlag, "true or false"],
  enrichOnly: [isFlag, "true or false"],
  refresh: [isFlag, "true or false"],
  force: [isFlag, "true or false"],
  dayWorkers: [(value) => Number.isInteger(value) && Number(value) >= 1, "a whole number, 1 at least"],
  engine: [(value) => ROLLING_ENGINES.some((known) => known === value), `one of ${ROLLING_ENGINES.join(", ")}`],
  executor: [(value) => EXECUTORS.some((known) => known === value), `one of ${EXECUTORS.join(", ")}`],
  signal: [(value) => value instanceof AbortSignal, "an AbortSignal"],
  onProgress: [(value) => typeof value === "function", "a function"],
};

/** Throws RangeError for options of `train`, from a caller without types, that are none. */
export function checkTrainOptions(options: object): void {
  refuseUnknownKeys("train has no option", Object.keys(options), Object.keys(SHAPES));
  const given = new Map(Object.entries(options));
  for (const [key, [is, expected]] of Object.entries(SHAPES)) {
    const value: unknown = given.get(key);
    if (value !== undefined && !is(value)) throw new RangeError(`${key} is ${String(value)}, and must be ${expected}`);
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isFlag(value: unknown): boolean {
  return typeof value === "boolean";
}
