import { availableParallelism } from "node:os";
import { LanceStore } from "../embeddings/lance-store.js";
import { type EmbeddingVectors, vectorsOf } from "../embeddings/vector-pool.js";
import { openEnrichSession } from "../engines/kernel/enrich-session.js";
import { MemoryShares } from "../engines/sql/memory-shares.js";
import { SqlSession } from "../engines/sql/session.js";
import { registerUserFunctions } from "../engines/sql/user-functions.js";
import { PoolCrew } from "../kernels/avg-pool.js";
import type { EnrichSession } from "../training/day.js";
import type { EnrichContext } from "../training/enrich-task.js";
import { loadUdfs } from "../udfs/load-udfs.js";

/**
 * A DuckDB instance of its own, and the stores' vectors as they are now, shared by the threads that `duckdb_config` allows. The
 * vectors are taken off DuckDB's memory limit, as far as it can work without.
 */
export async function openEnrich({
  operators,
  output,
  stores,
  udfs,
  duckdbConfig,
}: EnrichContext): Promise<EnrichSession> {
  const session = await SqlSession.open(duckdbConfig);
  const crew = new PoolCrew(Number(duckdbConfig["threads"] ?? availableParallelism()));
  try {
    const vectors = new Map<string, EmbeddingVectors>();
    let bytes = 0;
    for (const [name, definition] of Object.entries(stores)) {
      const store = await LanceStore.open(definition);
      try {
        const own = await vectorsOf(store, crew, bytes);
        bytes += own.bytes;
        vectors.set(name, own);
      } finally {
        store.close();
      }
    }
    if (udfs !== undefined) registerUserFunctions(session, await loadUdfs(udfs));
    await (await MemoryShares.of(session)).leave(bytes);
    return openEnrichSession({ session, operators, output, vectors, crew });
  } catch (error) {
    crew.close();
    session.close();
    throw error;
  }
}
