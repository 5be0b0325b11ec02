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
export async function faultOfContents(
  { folder, manifest }: WrittenDay,
  session: SqlSession,
): Promise<string | undefined> {
  const wanted = manifest.schema.map(({ name, dtype }) => `${name} ${dtype.replace("TEXT", "VARCHAR")}`);
  for (const part of manifest.parts) {
    const file = partsOf(folder, [part]);
    const columns = await session.query(`DESCRIBE SELECT * FROM ${file}`);
    const found = columns.map((row) => `${row["column_name"]} ${plainType(row["column_type"])}`);
    if (found.length !== wanted.length || wanted.some((column, place) => column !== found[place]))
      return `${part.name} has the columns ${found.join(", ")}; those of the contract are ${wanted.join(", ")}`;
    const [counted] = await session.query(`SELECT count(*) AS n FROM ${file}`);
    if (Number(counted?.["n"]) !== part.rows)
      return `${part.name} has ${counted?.["n"]} rows, its manifest says ${part.rows}`;
  }
  return undefined;
}

/** A FROM item: the rows of parts, one after the other. */
function partsOf(folder: string, parts: WrittenDay["manifest"]["parts"]): string {
  return `read_parquet([${parts.map(({ name }) => text(join(folder, name))).join(", ")}], hive_partitioning = false)`;
}

/**
 * Where the rows of a day, part after part, are not in the order of event time and keys; undefined if they are, as far as the files tell the event time, and up
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
  if (manifest.parts.length === 0) return undefined;
  const [found] = await session.query(
    `SELECT place FROM (SELECT row_number() OVER () AS place, ${values.join(", ")} FROM ${partsOf(folder, manifest.parts)})
     WHERE place > 1 AND ${isAfter(0)} ORDER BY place ASC NULLS FIRST LIMIT 1`,
  );
  if (found === undefined) return undefined;
  const told = `the row above it: rows are ordered by ${columns.join(", ")}`;
  return `${placeIn(manifest.parts, Number(found["place"]))} is to come before ${told}`;
}

/** `row 3 of part-0-0.parquet`, of the n-th row of all parts. */
function placeIn(parts: WrittenDay["manifest"]["parts"], place: number): string {
  let first = 0;
  for (const { name, rows } of parts) {
    if (place <= first + rows) return `row ${place - first} of ${name}`;
    first += rows;
  }
  return `row ${place}`;
}
