import type { EmbeddingVectors } from "../../embeddings/vector-pool.js";
import type { PoolCrew } from "../../kernels/avg-pool.js";
import type { Schema } from "../../operators/operator.js";
import type { RayUdfTransform } from "../../operators/ray-udf-transform.js";
import type { EnrichedPart, EnrichSession } from "../../training/day.js";
import type { SqlSession } from "../sql/session.js";
import { partOptions } from "../sql/sink.js";
import { identifier, text } from "../sql/text.js";
import { type EmbeddingColumn, rayUdfTransform } from "./ray-udf-transform.js";

export interface EnrichSessionOptions {
  /** Closed with the enrich session. */
  readonly session: SqlSession;
  readonly operators: readonly RayUdfTransform[];
  readonly output: Schema;
  /** By name of the store; in the memory of the crew. */
  readonly vectors: ReadonlyMap<string, EmbeddingVectors>;
  readonly crew: PoolCrew;
}

/** Rows stream from the part through the functions into the new part, in their order. */
export function openEnrichSession({ session, operators, output, vectors, crew }: EnrichSessionOptions): EnrichSession {
  const made: EmbeddingColumn[] = operators.flatMap((operator) => {
    const own = vectors.get(operator.store.name);
    if (own === undefined) throw new RangeError(`embedding store "${operator.store.name}" is not open`);
    return rayUdfTransform(operator, session, own, crew);
  });
  const sqlOf = new Map(made.map(({ name, sql }) => [name, sql]));
  const columns = output.map(({ name }) => {
    const sql = sqlOf.get(name);
    return sql === undefined ? identifier(name) : `${sql} AS ${identifier(name)}`;
  });
  const floats = made.reduce((sum, { dim }) => sum + dim, 0);
  return {
    async enrich(input, file): Promise<EnrichedPart> {
      const rows = `SELECT ${columns.join(", ")} FROM read_parquet(${text(input)}, hive_partitioning = false)`;
      await session.run(`COPY (${rows}) TO ${text(file)} (${partOptions(rowGroupRows(floats))})`);
      return { columns: made.map(({ name, dim, takeCount }) => ({ name, dim, values: takeCount() })) };
    },
    interrupt: () => session.interrupt(),
    close() {
      session.close();
      crew.close();
    },
  };
}

/** A reader holds the vectors of a row group, and so does every thread of the writer. */
const VECTOR_BYTES_OF_A_GROUP = 32 * 2 ** 20;
/** DuckDB's vectors: a row group of a multiple of them is never cut anew. */
const ROWS_OF_A_VECTOR = 2048;

function rowGroupRows(floats: number): number {
  const vectors = Math.floor(VECTOR_BYTES_OF_A_GROUP / (floats * 4 * ROWS_OF_A_VECTOR));
  return ROWS_OF_A_VECTOR * Math.max(1, Math.min(60, vectors));
}
