import { join } from "node:path";
import { isFloat, isList } from "../columnar/dtypes.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { ColumnName } from "../operators/operator.js";
import type { Identity } from "./identity.js";
import type { WrittenDay } from "./written-rows.js";

/** The type of a part's column, a TIMESTAMP's without its zone. */
function plainType(type: unknown): string {
  return String(type).replace(" WITH TIME ZONE", "");
}

/** Why a part of a day has not the columns of the contract, or not as many rows as its manifest says; undefined if each has. */
export async function faultOfSchema(
  { folder, manifest }: WrittenDay,
  session: SqlSession,
): Promise<string | undefined> {
  const told = (name: string, type: string): string => `${name} ${type}`;
  const wanted = manifest.schema.map(({ name, dtype }) => told(name, dtype.replace("TEXT", "VARCHAR")));
  for (const { name, rows: count } of manifest.parts) {
    const rows = await session.query(
      `DESCRIBE SELECT * FROM read_parquet(${text(join(folder, name))}, hive_partitioning = false)`,
    );
    const found = rows.map((row) => told(String(row["column_name"]), plainType(row["column_type"])));
    if (found.length === wanted.length && wanted.every((column, place) => column === found[place])) {
      const [counted] = await session.query(
        `SELECT count(*) AS n FROM read_parquet(${text(join(folder, name))}, hive_partitioning = false)`,
      );
      if (Number(counted?.["n"]) === count) continue;
      return `${name} has ${Number(counted?.["n"])} rows, its manifest says ${count}`;
    }
    return `${name} has the columns ${found.join(", ")}; those of the contract are ${wanted.join(", ")}`;
  }
  return undefined;
}

/**
 * Where the rows of a day are not in the order of event time and keys; undefined if they are, as far as the files tell the event time, and up
 * to the first key that is a float, whose zeros and NaN have an order of their own. What comes behind the keys may be filled in later.
 */
export async function faultOfOrder(
  { folder, manifest }: WrittenDay,
  { time }: Identity,
  keys: readonly ColumnName[],
  session: SqlSession,
): Promise<string | undefined> {
  if (time === undefined) return undefined;
  const dtypes = new Map(manifest.schema.map(({ name, dtype }) => [name, dtype]));
  const isPlain = (name: ColumnName): boolean => {
    const dtype = dtypes.get(name);
    return dtype !== undefined && !isList(dtype) && !isFloat(dtype);
  };
  const end = keys.findIndex((name) => !isPlain(name));
  const columns = [time.output, ...(end < 0 ? keys : keys.slice(0, end))];
  const values = columns.map(
    (name, place) => `${identifier(name)} AS c${place}, lag(${identifier(name)}) OVER () AS p${place}`,
  );
  const isAfter = (place: number): string =>
    place === columns.length
      ? "false"
      : `CASE WHEN c${place} IS NOT DISTINCT FROM p${place} THEN ${isAfter(place + 1)} ELSE coalesce(p${place} > c${place}, c${place} IS NULL) END`;
  for (const { name } of manifest.parts) {
    const [found] = await session.query(
      `SELECT place FROM (SELECT row_number() OVER () AS place, ${values.join(", ")}
         FROM read_parquet(${text(join(folder, name))}, hive_partitioning = false))
       WHERE place > 1 AND ${isAfter(0)} LIMIT 1`,
    );
    if (found !== undefined)
      return `row ${Number(found["place"])} of ${name} is to come before the row above it: rows are ordered by ${columns.join(", ")}`;
  }
  return undefined;
}
