import type { DType } from "../../columnar/dtypes.js";
import type { FeatureService } from "../../definitions/feature-service.js";
import type { Literal } from "../../definitions/literal.js";
import type { Project } from "../../definitions/project.js";
import type { Runtime } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import type { UdfCatalog } from "../ports.js";
import { literalOf, writtenLiteral } from "./literals.js";
import type { Predicates } from "./predicates.js";
import type { Reference, References } from "./references.js";
import type { At, Reporter } from "./reporter.js";
import type { BoundView } from "./resolved-service.js";
import type { ViewBook } from "./views.js";

/** What all parts of the resolution of a service share. */
export interface Context {
  /** The project's functions, where the runtime names some. */
  readonly udfs?: UdfCatalog;
  readonly project: Project;
  readonly service: FeatureService;
  readonly runtime: Runtime;
  readonly spine: BoundView;
  readonly views: ViewBook;
  readonly references: References;
  readonly predicates: Predicates;
  readonly report: Reporter;
  readonly event?: Reference;
  readonly session?: Reference;
}

/** True if a role of the spine's columns may be missing only because it was mistaken. */
export function mayLackRole({ project, runtime }: Context, role: "event" | "session"): boolean {
  return project.mayLack(runtime, "spine") || project.mayLack(runtime.spine, role);
}

/** The literal as a value of the dtype; told and undefined if it is none. */
export function fittingLiteral(
  context: Context,
  value: Literal,
  dtype: DType,
  of: string,
  at: At,
): Literal | undefined {
  const literal = literalOf(value, dtype);
  if (literal === undefined)
    context.report.problem(
      (place) => compilerProblem("literal-does-not-fit", { value: writtenLiteral(value), dtype, of }, place),
      at,
    );
  return literal;
}

/** Event names as values of the spine's event column; told if the column is not known or a name does not fit. */
export function eventValues(
  context: Context,
  events: readonly Literal[],
  purpose: string,
  at: At,
): readonly Literal[] | undefined {
  const { event, report } = context;
  if (event === undefined) {
    if (context.runtime.spine.event === undefined)
      report.problem(
        (place) => compilerProblem("event-role-needed", { for: purpose }, place),
        at,
        mayLackRole(context, "event"),
      );
    return undefined;
  }
  return events.flatMap((value, index) => {
    const here = { definition: events, key: index };
    if (value === null) {
      report.problem((place) => compilerProblem("null-literal", { of: purpose }, place), here);
      return [];
    }
    if (event.unknown) return [value];
    const fitting = fittingLiteral(context, value, event.dtype, `the event column "${event.name}"`, here);
    return fitting === undefined ? [] : [fitting];
  });
}
