import { BIGINT, DuckDBDataChunk, VARCHAR } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { writeValues } from "../../columnar/duckdb-vectors.js";
import type { StoreKeys } from "../../embeddings/lance-store.js";
import { storeIdsTable } from "./filter.js";
import type { SqlSession } from "./session.js";
import { identifier } from "./text.js";

/** One of DuckDB's vectors. */
const CHUNK = 2048;

/** Makes the table that the coverage filter asks. Ids that are texts are the latin1 strings of their bytes. */
export async function createStoreIds(session: SqlSession, store: string, ids: StoreKeys): Promise<void> {
  const table = storeIdsTable(store);
  await session.run(`CREATE TABLE ${identifier(table)} ("id" ${ids.type === "text" ? "VARCHAR" : "BIGINT"})`);
  const appender = await session.connection.createAppender(table);
  const append = (count: number, write: (vector: duckdb.Vector) => void): void => {
    const chunk = DuckDBDataChunk.create([ids.type === "text" ? VARCHAR : BIGINT], count);
    write(duckdb.data_chunk_get_vector(chunk.chunk, 0));
    appender.appendDataChunk(chunk);
  };
  if (ids.type === "integer")
    for (const keys of ids.keys)
      for (let from = 0; from < keys.length; from += CHUNK) {
        const own = keys.slice(from, from + CHUNK);
        append(own.length, (vector) => writeValues(vector, own.buffer, 0, own.byteLength));
      }
  else
    for (const keys of ids.keys)
      for (let from = 0; from < keys.length; from += CHUNK) {
        const own = keys.slice(from, from + CHUNK);
        append(own.length, (vector) => {
          for (const [row, text] of own.entries())
            duckdb.vector_assign_string_element_len(vector, row, Buffer.from(text, "latin1"));
        });
      }
  appender.closeSync();
}
