import type { EmbeddingVectors } from "../../embeddings/vector-pool.js";
import type { PoolCrew } from "../../kernels/avg-pool.js";
import type { ArrowUdfTransform } from "../../operators/arrow-udf-transform.js";
import type { Schema } from "../../operators/operator.js";
import type { RayUdfTransform } from "../../operators/ray-udf-transform.js";
import type { EnrichedPart, EnrichSession } from "../../training/day.js";
import { problemOfUdf } from "../sql/problems.js";
import type { SqlSession } from "../sql/session.js";
import { partOptions, stored } from "../sql/sink.js";
import { identifier, text } from "../sql/text.js";
import { callOf } from "../sql/user-functions.js";
import { typeName } from "../sql/values.js";
import { type EmbeddingColumn, rayUdfTransform } from "./ray-udf-transform.js";

export interface EnrichSessionOptions {
  /** Closed with the enrich session. */
  readonly session: SqlSession;
  readonly operators: readonly (RayUdfTransform | ArrowUdfTransform)[];
  readonly output: Schema;
  /** By name of the store; in the memory of the crew. */
  readonly vectors: ReadonlyMap<string, EmbeddingVectors>;
  readonly crew: PoolCrew;
}

/** Rows stream from the part through the functions into the new part, in their order. */
export function openEnrichSession({ session, operators, output, vectors, crew }: EnrichSessionOptions): EnrichSession {
  const made: EmbeddingColumn[] = operators.flatMap((operator) => {
    if (operator.kind !== "ray_udf_transform") return [];
    const own = vectors.get(operator.store.name);
    if (own === undefined) throw new RangeError(`embedding store "${operator.store.name}" is not open`);
    return rayUdfTransform(operator, session, own, crew);
  });
  const sqlOf = new Map(made.map(({ name, sql }) => [name, sql]));
  const columns = output.map(({ name }) => {
    const sql = sqlOf.get(name);
    return sql === undefined ? identifier(name) : `${sql} AS ${identifier(name)}`;
  });
  // What the user's functions make of the columns, the embeddings among them.
  const calls = operators.flatMap((operator) => {
    const column = output.find(({ name }) => operator.kind === "arrow_udf_transform" && name === operator.column.name);
    if (operator.kind !== "arrow_udf_transform" || column === undefined) return [];
    const value = `CAST(${callOf(operator)} AS ${typeName(column.dtype)})`;
    return [`${stored(column, value)} AS ${identifier(column.name)}`];
  });
  const floats = made.reduce((sum, { dim }) => sum + dim, 0);
  return {
    async enrich(input, file): Promise<EnrichedPart> {
      const rows = `SELECT ${columns.join(", ")} FROM read_parquet(${text(input)}, hive_partitioning = false)`;
      const all = calls.length === 0 ? rows : `SELECT * REPLACE (${calls.join(", ")}) FROM (${rows})`;
      await session
        .run(`COPY (${all}) TO ${text(file)} (${partOptions(rowGroupRows(floats))})`)
        .catch((error: unknown) => {
          throw problemOfUdf(error) ?? error;
        });
      return { columns: made.map(({ name, dim, takeCount }) => ({ name, dim, values: takeCount() })) };
    },
    interrupt: () => session.interrupt(),
    close() {
      session.close();
      for (const own of vectors.values()) own.close();
      crew.close();
    },
  };
}

/** A reader holds the vectors of a row group, and so does every thread of the writer. */
const VECTOR_BYTES_OF_A_GROUP = 32 * 2 ** 20;
/** DuckDB's vectors: a row group of a multiple of them is never cut anew. */
const ROWS_OF_A_VECTOR = 2048;

function rowGroupRows(floats: number): number {
  const vectors = Math.floor(VECTOR_BYTES_OF_A_GROUP / (Math.max(1, floats) * 4 * ROWS_OF_A_VECTOR));
  return ROWS_OF_A_VECTOR * Math.max(1, Math.min(60, vectors));
}
