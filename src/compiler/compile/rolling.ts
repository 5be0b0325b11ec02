import type { Instant } from "../../columnar/instants.js";
import type { RelationName } from "../../operators/operator.js";
import { type RollingAggregate, type RollingSpec, rollingAggregate } from "../../operators/rolling-aggregate.js";
import { instantOf, rollingColumn } from "../names.js";
import type { ResolvedService } from "../resolve/resolved-service.js";
import type { NeededSpec } from "./needs.js";

/**
 * One RollingAggregate over a history for the specs that the window selects alone, and a second, tagged `sql_arrow_udf`,
 * for those with `flatten_distinct`; each only if it has specs.
 */
export function rollingOperators(
  service: ResolvedService,
  name: string,
  specs: readonly NeededSpec[],
  inputs: { readonly rows: RelationName; readonly history: RelationName; readonly time: Instant },
): readonly RollingAggregate[] {
  const made: RollingAggregate[] = [];
  for (const flatten of [false, true]) {
    const part = specs.filter(({ spec }) => spec.flattenDistinct === flatten);
    if (part.length === 0) continue;
    const own = flatten ? `${name}_flatten` : name;
    made.push(
      rollingAggregate.of({
        name: own,
        engine: flatten ? "sql_arrow_udf" : "sql",
        inputs: [made.at(-1)?.output ?? inputs.rows, inputs.history],
        output: own,
        timestampColumn: inputs.time,
        rollingEngine: service.rollingEngine,
        specs: part.map((needed) => rollingSpec(service, needed)),
      }),
    );
  }
  return made;
}

function rollingSpec(service: ResolvedService, { spec, outputs }: NeededSpec): RollingSpec {
  const view = spec.view ?? service.spine;
  const available = spec.view?.available;
  return {
    name: spec.name,
    agg: spec.agg,
    ...(spec.source === undefined ? {} : { source: spec.source }),
    on: spec.on,
    rightTime: instantOf(view.name, spec.time),
    ...(available === undefined ? {} : { availableTime: instantOf(view.name, available) }),
    ...(spec.events === undefined || service.event === undefined
      ? {}
      : { events: { column: service.event, values: spec.events } }),
    ...(spec.where === undefined ? {} : { where: spec.where }),
    ...(spec.excludeSelf === undefined ? {} : { excludeSelf: spec.excludeSelf }),
    flattenDistinct: spec.flattenDistinct,
    ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
    outputs: outputs.map(({ name, window }) => ({ name: rollingColumn(name), window, dtype: spec.dtype })),
  };
}
