import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { durationMicros } from "../columnar/instants.js";
import type { Compute } from "../definitions/runtime.js";
import { DaedalusError } from "../errors/problem.js";
import { rayProblem } from "../errors/ray.js";
import { localExecutor } from "../tasks/local.js";
import { RayCluster } from "../tasks/ray.js";
import type { ExecutorName, TaskExecutor, TaskLimits } from "../tasks/task.js";
import { isRayPythonThere, rayPython } from "./ray-python.js";

/** What starts executors of a run, one after the other. */
export interface Executors {
  /** `output`: a file for what is printed by what is no worker's own. */
  start(workers: number, output: string): TaskExecutor;
  close(): Promise<void>;
}

const ENTRY = new URL("./worker.js", import.meta.url);

/** `directory`: of the project. Throws DaedalusError (exit code 2) if there is no Ray where it is asked for. */
export function executorsOf(name: ExecutorName, compute: Compute, directory: string): Executors {
  const { ray = {}, duckdbConfig } = compute;
  const limits = limitsOf(compute);
  if (name === "local")
    return {
      start: (workers) => localExecutor({ workers, entry: ENTRY, ...limits }),
      close: async () => undefined,
    };
  const threads = Math.min(Number(duckdbConfig["threads"] ?? 1), availableParallelism());
  const cluster = new RayCluster({
    ...limits,
    python: pythonOf(ray.python, directory),
    driver: new URL("../../ray/driver.py", import.meta.url),
    entry: ENTRY,
    ...(ray.address === undefined ? {} : { address: ray.address }),
    ...(ray.numCpus === undefined ? {} : { cpus: Number(ray.numCpus) }),
    ...(ray.objectStoreMemory === undefined ? {} : { objectStoreBytes: ray.objectStoreMemory }),
    worker: {
      cpus: Number(ray.workerCpus ?? threads),
      ...(ray.workerMemory === undefined ? {} : { memoryBytes: ray.workerMemory }),
      ...(ray.workerResources === undefined ? {} : { resources: numbers(ray.workerResources) }),
    },
  });
  return { start: (workers, output) => cluster.executor(workers, output), close: () => cluster.close() };
}

/** What the project says of every task. */
export function limitsOf({ taskTimeout, taskAttempts }: Compute): TaskLimits {
  return {
    attempts: Number(taskAttempts),
    ...(taskTimeout === undefined ? {} : { timeoutSeconds: Number(durationMicros(taskTimeout)) / 1e6 }),
  };
}

function pythonOf(written: string | undefined, directory: string): string {
  const python = written === undefined ? rayPython() : resolve(directory, written);
  const there = written === undefined ? isRayPythonThere() : existsSync(python);
  if (!there) throw new DaedalusError([rayProblem("not-installed", { python })], 2);
  return python;
}

function numbers(amounts: Readonly<Record<string, bigint>>): Record<string, number> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, Number(amount)]));
}
