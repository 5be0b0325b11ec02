import { columnsOfRule } from "../operators/filter.js";
import type { ColumnName } from "../operators/operator.js";
import type { AnyOperator, Pipeline } from "../operators/pipeline.js";
import { columnsOfExpression } from "../operators/project.js";

/**
 * The columns that are computed for the wanted ones of the output, and for the filters. By name: a name that an operator
 * reads is needed wherever it occurs, which is more than necessary and never less.
 */
export function neededColumns(pipeline: Pipeline, wanted: Iterable<ColumnName>): ReadonlySet<ColumnName> {
  const needed = new Set(wanted);
  const read = (columns: Iterable<ColumnName>): void => {
    for (const column of columns) needed.add(column);
  };
  for (const operator of [...pipeline.operators].reverse()) read(readsOf(operator, needed));
  return needed;
}

/** What the operator reads to make those of its columns that are needed. */
function readsOf(operator: AnyOperator, needed: Set<ColumnName>): readonly ColumnName[] {
  const any = (columns: readonly { readonly name: ColumnName }[]) => columns.some(({ name }) => needed.has(name));
  switch (operator.kind) {
    case "filter":
      return columnsOfRule(operator.rule);
    case "project":
      // From the last step to the first, since each may read what those before it make.
      for (const { column, value } of [...operator.steps].reverse())
        if (needed.has(column)) for (const name of columnsOfExpression(value)) needed.add(name);
      return [];
    case "join": {
      const { latest, on, columns } = operator;
      if (!any(columns)) return [];
      const order = latest === undefined ? [] : [latest.time.column, ...latest.ties];
      return [...on.flatMap((pair) => [pair.left, pair.right]), ...order];
    }
    case "pit_join": {
      const { on, columns, collect, leftTime, rightTime, availableTime, ties } = operator;
      const made = collect === undefined ? columns.some(({ as }) => needed.has(as)) : needed.has(collect.as);
      if (!made) return [];
      return [
        ...on.flatMap((pair) => [pair.left, pair.right]),
        ...[leftTime, rightTime, availableTime].flatMap((instant) => instant?.column ?? []),
        ...ties,
        ...columns.map(({ name }) => name),
        ...(collect === undefined ? [] : [collect.value]),
      ];
    }
    case "rolling_aggregate":
      return operator.specs
        .filter(({ outputs }) => any(outputs))
        .flatMap(({ on, source, rightTime, availableTime, events, where, excludeSelf }) => [
          operator.timestampColumn.column,
          ...on.flatMap((pair) => [pair.left, pair.right]),
          rightTime.column,
          ...[availableTime?.column, events?.column, source?.name, excludeSelf].filter((name) => name !== undefined),
          ...(where?.columns ?? []),
        ]);
    case "arrow_udf_transform":
      return needed.has(operator.column.name) ? operator.arguments.map(({ name }) => name) : [];
    case "ray_udf_transform":
      return operator.columns.filter(({ name }) => needed.has(name)).map(({ ids }) => ids);
    case "scan":
    case "sink":
      return [];
  }
}
