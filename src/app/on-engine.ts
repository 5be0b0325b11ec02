import type { RollingEngine } from "../definitions/runtime.js";
import type { CompiledService } from "./compile-service.js";

/** The service with its rolling aggregates on another engine, for one run: nothing that is written changes by it. */
export function onEngine(compiled: CompiledService, engine: RollingEngine | undefined): CompiledService {
  if (engine === undefined) return compiled;
  const operators = compiled.pipeline.operators.map((operator) =>
    operator.kind === "rolling_aggregate"
      ? // In workers it is the kernel that computes.
        { ...operator, rollingEngine: engine, engine: operator.engine === "pythonic" ? "sql" : operator.engine }
      : operator,
  );
  return { ...compiled, pipeline: { ...compiled.pipeline, operators } };
}
