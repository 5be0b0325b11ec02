import { operatorColumn } from "../errors/compiler.js";
import type { Column, ColumnName, Operator, Schema } from "./operator.js";

/** The input at a position; a missing one is a mistake of the pipeline. */
export function inputOf(self: Operator, inputs: readonly Schema[], position: number): Schema {
  const schema = inputs[position];
  if (schema === undefined)
    throw operatorColumn({ operator: self.name, says: `has ${inputs.length} inputs and needs ${position + 1}` });
  return schema;
}

/** Checks that a relation has the columns, and of the dtypes where they are given. */
export function requireColumns(
  self: Operator,
  schema: Schema,
  wanted: Iterable<ColumnName | Column>,
): ReadonlyMap<ColumnName, Column> {
  const byName = new Map(schema.map((column) => [column.name, column] as const));
  for (const want of wanted) {
    const name = typeof want === "string" ? want : want.name;
    const found = byName.get(name);
    if (found === undefined)
      throw operatorColumn({ operator: self.name, says: `needs column "${name}", which its input does not have` });
    if (typeof want !== "string" && want.dtype !== found.dtype)
      throw operatorColumn({
        operator: self.name,
        says: `takes column "${name}" for ${want.dtype}, and its input has it as ${found.dtype}`,
      });
  }
  return byName;
}

/** The schema with the columns put in place of those of the same name, new ones at the end. */
export function withColumns(schema: Schema, columns: Iterable<Column>): Schema {
  const result = new Map(schema.map((column) => [column.name, column] as const));
  for (const { name, dtype } of columns) result.set(name, { name, dtype });
  return [...result.values()];
}
