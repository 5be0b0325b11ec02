import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { Pipeline } from "../operators/pipeline.js";

/** Refuses (DaedalusError, exit code 2) what this version compiles, but does not run. */
export function refuseWhatIsNotExecuted(
  pipeline: Pipeline,
  { enrichOnly, skeletonOnly }: { readonly enrichOnly?: boolean; readonly skeletonOnly?: boolean },
): void {
  const problems: Problem[] = [];
  if (enrichOnly === true && skeletonOnly === true)
    problems.push(trainingProblem("conflicting-options", { first: "--skeleton-only", second: "--enrich-only" }));
  if (enrichOnly === true) problems.push(trainingProblem("enrich-not-executed", {}));
  for (const operator of pipeline.operators) {
    if (operator.kind === "filter" && operator.rule.type === "coverage")
      problems.push(
        trainingProblem("coverage-not-executed", { service: pipeline.service, store: operator.rule.store }),
      );
    if (operator.kind === "ray_udf_transform" && skeletonOnly !== true && enrichOnly !== true)
      problems.push(
        trainingProblem("embeddings-not-executed", {
          service: pipeline.service,
          columns: operator.columns.map((column) => column.name),
        }),
      );
  }
  if (problems.length === 0 && pipeline.embeddings && skeletonOnly !== true)
    problems.push(
      trainingProblem("embeddings-not-executed", {
        service: pipeline.service,
        columns: pipeline.output.filter((column) => column.dtype === "FLOAT[]").map((column) => column.name),
      }),
    );
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}
