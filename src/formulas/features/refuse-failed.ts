import { DaedalusError, type Problem } from "../../errors/problem.js";

/** Throws one DaedalusError (exit code 1) with the causes of all features that have failed: what `strict` means. */
export function refuseFailed(features: readonly { readonly name: string; readonly problem?: Problem }[]): void {
  const problems = features.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [{ ...problem, says: `feature "${name}": ${problem.says}` }],
  );
  if (problems.length > 0) throw new DaedalusError(problems, 1);
}
