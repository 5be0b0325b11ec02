import { DuckDBInstance, DuckDBScalarFunction, FLOAT, INTEGER, LIST } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";

/** `row_id` of the input and the means, in its order; a row without one is NULL. */
export async function writeMeans(
  input: string,
  means: Float32Array,
  valid: Uint8Array,
  dim: number,
  out: string,
): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const pooled = DuckDBScalarFunction.create({
    name: "pooled",
    parameterTypes: [INTEGER],
    returnType: LIST(FLOAT),
    volatile: true,
    mainFunction: () => {},
  });
  duckdb.scalar_function_set_function(pooled.scalar_function, (_info, chunk, output) => {
    const rows = duckdb.data_chunk_get_size(chunk);
    const places = new Int32Array(
      duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk, 0), rows * 4).slice().buffer,
    );
    const entries = new BigUint64Array(rows * 2);
    const floats = new Float32Array(rows * dim);
    let end = 0;
    places.forEach((place, row) => {
      entries[row * 2] = BigInt(end);
      if (valid[place] === 0) return;
      entries[row * 2 + 1] = BigInt(dim);
      floats.set(means.subarray(place * dim, (place + 1) * dim), end);
      end += dim;
    });
    duckdb.list_vector_reserve(output, end);
    duckdb.list_vector_set_size(output, end);
    duckdb.copy_data_to_vector(output, 0, entries.buffer, 0, rows * 16);
    duckdb.copy_data_to_vector(duckdb.list_vector_get_child(output), 0, floats.buffer, 0, end * 4);
  });
  connection.registerScalarFunction(pooled);
  await connection.run(
    `COPY (SELECT row_id, CASE WHEN len(v) > 0 THEN v END AS pooled FROM (SELECT row_id, pooled(CAST(row_number() OVER () - 1 AS INTEGER)) AS v FROM '${input}')) TO '${out}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384)`,
  );
  connection.closeSync();
  instance.closeSync();
}
