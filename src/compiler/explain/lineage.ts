import type { ColumnName, KeyPair, RelationName } from "../../operators/operator.js";
import type { AnyOperator, Pipeline } from "../../operators/pipeline.js";
import { columnsOfExpression } from "../../operators/project.js";

/** Where a column comes from: the operators that its value passes, first to last, and the columns of sources. */
export interface Lineage {
  readonly operators: readonly string[];
  readonly sources: readonly string[];
  /** Also the operators of keys, which decide which rows a value is made of although it does not pass them. */
  readonly dependencies: readonly string[];
}

type Columns = Map<ColumnName, Lineage>;

/** The lineage of what an operator makes of `parts`, looked up by `keys`. */
type Merge = (
  operator: string,
  parts: readonly (Lineage | undefined)[],
  keys?: readonly (Lineage | undefined)[],
) => Lineage;

/** The lineage of each column of the pipeline's output. */
export function lineageOf(pipeline: Pipeline): ReadonlyMap<ColumnName, Lineage> {
  const order = new Map(pipeline.operators.map(({ name }, index) => [name, index]));
  const readers = new Map<RelationName, number>();
  for (const { inputs } of pipeline.operators)
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const relations = new Map<RelationName, Columns>();

  const inOrder = (names: readonly string[]) =>
    [...new Set(names)].sort((left, right) => (order.get(left) ?? 0) - (order.get(right) ?? 0));
  const merged: Merge = (operator, parts, keys = []) => ({
    operators: inOrder([...parts.flatMap((part) => part?.operators ?? []), operator]),
    sources: [...new Set(parts.flatMap((part) => part?.sources ?? []))],
    dependencies: inOrder([...[...parts, ...keys].flatMap((part) => part?.dependencies ?? []), operator]),
  });
  // A relation with one reader is handed on and grows, so that a long chain of operators is not copied at each step.
  const take = (name: RelationName | undefined): Columns => {
    const columns = relations.get(name ?? "") ?? new Map<ColumnName, Lineage>();
    return (readers.get(name ?? "") ?? 0) > 1 ? new Map(columns) : columns;
  };

  for (const operator of pipeline.operators)
    relations.set(operator.output, columnsAfter(operator, take, relations, merged));
  const last = pipeline.operators.at(-1);
  return relations.get(last?.output ?? "") ?? new Map();
}

function columnsAfter(
  operator: AnyOperator,
  take: (name: RelationName | undefined) => Columns,
  relations: ReadonlyMap<RelationName, Columns>,
  merged: Merge,
): Columns {
  const { name } = operator;
  if (operator.kind === "scan")
    return new Map(
      [...operator.columns, ...operator.instants].map((column) => [
        column.name,
        { operators: [name], sources: [`${operator.view}.${column.source}`], dependencies: [name] },
      ]),
    );
  const left = take(operator.inputs[0]);
  const right = relations.get(operator.inputs[1] ?? "");
  const keysOf = (on: readonly KeyPair[]) => on.flatMap((pair) => [left.get(pair.left), right?.get(pair.right)]);
  switch (operator.kind) {
    case "filter":
    case "sink":
      return left;
    case "join": {
      const keys = keysOf(operator.on);
      for (const column of operator.columns) left.set(column.name, merged(name, [right?.get(column.name)], keys));
      return left;
    }
    case "pit_join": {
      const keys = keysOf(operator.on);
      for (const column of operator.columns) left.set(column.as, merged(name, [right?.get(column.name)], keys));
      if (operator.collect !== undefined)
        left.set(operator.collect.as, merged(name, [right?.get(operator.collect.value)], keys));
      return left;
    }
    case "rolling_aggregate":
      for (const spec of operator.specs) {
        const read = [
          ...(spec.source === undefined ? spec.on.map((pair) => pair.right) : [spec.source.name]),
          ...(spec.events === undefined ? [] : [spec.events.column]),
          ...(spec.where?.columns ?? []),
        ];
        const parts = [
          ...read.map((column) => right?.get(column)),
          ...(spec.excludeSelf === undefined ? [] : [left.get(spec.excludeSelf)]),
        ];
        const own = merged(name, parts, keysOf(spec.on));
        for (const output of spec.outputs) left.set(output.name, own);
      }
      return left;
    case "project": {
      for (const { column, value } of operator.steps)
        left.set(
          column,
          merged(
            name,
            columnsOfExpression(value).map((read) => left.get(read)),
          ),
        );
      if (operator.select === undefined) return left;
      return new Map(operator.select.map((column) => [column, left.get(column) ?? merged(name, [])]));
    }
    case "arrow_udf_transform":
      left.set(
        operator.column.name,
        merged(
          name,
          operator.arguments.map((argument) => left.get(argument.name)),
        ),
      );
      return left;
    case "ray_udf_transform":
      for (const column of operator.columns) left.set(column.name, merged(name, [left.get(column.ids)]));
      return left;
  }
}
