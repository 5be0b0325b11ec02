import { ANY, BOOLEAN } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { bytesOf, listRows, textsOf, vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import type { NewVectors } from "../../embeddings/import-vectors.js";
import type { StoreDefinition } from "../../embeddings/lance-store.js";
import { embeddingProblem } from "../../errors/embedding.js";
import { nearest } from "../../errors/nearest.js";
import { DaedalusError } from "../../errors/problem.js";
import type { SqlSession } from "./session.js";
import { identifier, inPattern, text } from "./text.js";

const TAKE = "daedalus_take_vectors";
/** Names of columns that are added to those of the files. */
const FILE = "@file";
const ROW = "file_row_number";

/**
 * The rows of Parquet files (one, or a glob) with the columns of the store that have an id and a vector, and how many have not.
 * Throws DaedalusError `embedding/file-…`, exit code 1: a vector of another length, an id twice, a NULL in a vector.
 */
export async function readVectors(
  session: SqlSession,
  path: string,
  { key, vector, dim }: StoreDefinition,
): Promise<NewVectors & { readonly skipped: number }> {
  // Files of integers of unlike widths are read as the widest of them.
  const file = `read_parquet(${text(path)}, union_by_name = true, hive_partitioning = false, file_row_number = true, filename = ${text(FILE)})`;
  const refuse = (...problem: Parameters<typeof embeddingProblem>): never => {
    throw new DaedalusError([embeddingProblem(...problem)], 1);
  };
  const read = (sql: string, of: string = path) =>
    session
      .query(sql)
      .catch((error: Error) =>
        refuse("file-unreadable", { path: of, cause: error.message.split("\n")[0] ?? error.message }),
      );
  const files = await session.query(`SELECT file FROM glob(${text(path)}) ORDER BY file ASC NULLS FIRST`);
  if (files.length === 0) return refuse("file-missing", { path });
  const kinds = new Map<boolean, string>();
  for (const row of files) {
    const own = String(row["file"]);
    const columns = await read(
      `DESCRIBE SELECT * FROM read_parquet(${text(inPattern(own))}, hive_partitioning = false)`,
      own,
    );
    const types = new Map(columns.map((column) => [String(column["column_name"]), String(column["column_type"])]));
    const names = [...types.keys()];
    const typeOf = (column: string): string =>
      types.get(column) ??
      refuse("file-column", { path: own, column, nearest: nearest(column, names), columns: names });
    const [keyType, vectorType] = [typeOf(key), typeOf(vector)];
    const isText = keyType === "VARCHAR";
    if (!isText && !/^(?:TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/.test(keyType))
      refuse("file-type", {
        path: own,
        column: key,
        type: keyType,
        wanted: "integers of at most 64 bits with a sign, or text",
      });
    if (!/^FLOAT\[\d*\]$/.test(vectorType))
      refuse("file-type", { path: own, column: vector, type: vectorType, wanted: "lists of float32 (FLOAT[])" });
    kinds.set(isText, own);
    const other = kinds.get(!isText);
    if (other !== undefined)
      refuse("file-type", { path: own, column: key, type: keyType, wanted: `what ${other} has` });
  }
  const isText = kinds.has(true);
  const [id, list] = [identifier(key), `CAST(${identifier(vector)} AS FLOAT[])`];
  const present = `${id} IS NOT NULL AND ${list} IS NOT NULL`;
  const [wrong] = await read(
    `SELECT ${identifier(FILE)} AS file, ${ROW} + 1 AS "row", CAST(${id} AS VARCHAR) AS id, len(${list}) AS length FROM ${file}` +
      ` WHERE ${present} AND (len(${list}) <> ${dim} OR list_contains(list_transform(${list}, lambda x: x IS NULL), TRUE)) ORDER BY ALL ASC NULLS FIRST LIMIT 1`,
  );
  if (wrong !== undefined) {
    const length = Number(wrong["length"]);
    const what = length === dim ? "an element of its vector is NULL" : `its vector has ${length} floats, not ${dim}`;
    refuse("file-row", { path: String(wrong["file"]), row: Number(wrong["row"]), id: String(wrong["id"]), what });
  }
  const place = `(${identifier(FILE)}, ${ROW})`;
  const [twice] = await read(
    `SELECT arg_max(${identifier(FILE)}, ${place}) AS file, arg_max(${ROW}, ${place}) + 1 AS "row", CAST(${id} AS VARCHAR) AS id FROM ${file}` +
      ` WHERE ${present} GROUP BY ${id} HAVING count(*) > 1 ORDER BY ALL ASC NULLS FIRST LIMIT 1`,
  );
  if (twice !== undefined) {
    const what = "the id is there twice";
    refuse("file-row", { path: String(twice["file"]), row: Number(twice["row"]), id: String(twice["id"]), what });
  }
  const batches: { keys: BigInt64Array | readonly string[]; vectors: Float32Array }[] = [];
  session.connection.registerScalarFunction(
    vectorisedFunction({
      name: TAKE,
      parameterTypes: [],
      varArgsType: ANY,
      returnType: BOOLEAN,
      mainFunction: (_info, input) => {
        const rows = duckdb.data_chunk_get_size(input);
        const ids = duckdb.data_chunk_get_vector(input, 0);
        const keys = isText
          ? textsOf(ids, [[0, rows]], rows).map((one) => one ?? "")
          : new BigInt64Array(bytesOf(ids, rows * 8));
        const { child, size, entries } = listRows(duckdb.data_chunk_get_vector(input, 1), rows);
        const floats = new Float32Array(bytesOf(child, size * 4));
        const vectors = new Float32Array(rows * dim);
        for (let row = 0; row < rows; row++) {
          const from = entries[row * 4] as number;
          vectors.set(floats.subarray(from, from + dim), row * dim);
        }
        batches.push({ keys, vectors });
      },
    }),
  );
  const own = isText ? id : `CAST(${id} AS BIGINT)`;
  await read(`SELECT count(${TAKE}(${own}, ${list})) FROM ${file} WHERE ${present}`);
  const [all] = await read(`SELECT count(*) AS n FROM ${file}`);
  const taken = batches.reduce((sum, { keys }) => sum + keys.length, 0);
  return { type: isText ? "text" : "integer", batches, skipped: Number(all?.["n"]) - taken };
}
