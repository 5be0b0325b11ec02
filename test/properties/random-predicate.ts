import { type Dtype, isFloatType, isIntegerType, type Value } from "../oracles/values.js";
import type { Draw } from "./draw.js";
import type { Named } from "./random-service.js";

const TAME_DOUBLES = ["0", "1", "0.5", "1.5", "-2"];

/** A predicate of the oracle's grammar over these columns, as SQL text. */
export function randomPredicate(draw: Draw, columns: readonly Named[], depth = 2): string {
  if (depth > 0 && draw.chance(45)) {
    const left = randomPredicate(draw, columns, depth - 1);
    if (draw.chance(25)) return `NOT (${left})`;
    return `(${left}) ${draw.pick(["AND", "OR"])} (${randomPredicate(draw, columns, depth - 1)})`;
  }
  const { reference, dtype, view, column } = draw.pick(columns);
  const name = written(reference);
  const literals = literalsOf(dtype, view.pools.get(column) ?? []);
  if (dtype === "BOOLEAN" && draw.chance(70)) return draw.chance(50) ? name : `NOT ${name}`;
  if (literals.length === 0 || draw.chance(15)) return `${name} IS ${draw.chance(50) ? "NOT " : ""}NULL`;
  if (draw.chance(25))
    return `${name} ${draw.chance(30) ? "NOT " : ""}IN (${draw.some(literals, 1, 3).join(", ")}${draw.chance(10) ? ", NULL" : ""})`;
  if (draw.chance(10)) return `${name} BETWEEN ${draw.pick(literals)} AND ${draw.pick(literals)}`;
  return `${name} ${draw.pick(["=", "<>", "<", "<=", ">", ">="])} ${draw.pick(literals)}`;
}

export function written(reference: string): string {
  return reference
    .split(".")
    .map((part) => (/^[a-z_][a-z_0-9]*$/.test(part) ? part : `"${part}"`))
    .join(".");
}

function literalsOf(dtype: Dtype, pool: readonly Exclude<Value, null>[]): readonly string[] {
  if (isFloatType(dtype)) return TAME_DOUBLES;
  if (isIntegerType(dtype))
    return pool.flatMap((value) => (typeof value === "bigint" && value > -(2n ** 62n) ? [String(value)] : []));
  if (dtype === "TEXT")
    return pool.flatMap((value) =>
      typeof value === "string" && !value.includes("\n") ? [`'${value.replaceAll("'", "''")}'`] : [],
    );
  return [];
}
