import { availableParallelism } from "node:os";
import { LanceStore, type StoreDefinition, type StoreKeys } from "../embeddings/lance-store.js";
import { presentKeys } from "../embeddings/vector-pool.js";
import { SQL_CELLS, type SqlCells } from "../engines/sql/cells.js";
import { openDaySession } from "../engines/sql/day-session.js";
import { SqlSession } from "../engines/sql/session.js";
import { createStoreIds } from "../engines/sql/store-ids.js";
import { registerUserFunctions } from "../engines/sql/user-functions.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import { localExecutor } from "../tasks/local.js";
import type { DaySession } from "../training/day.js";
import type { DayContext } from "../training/days-task.js";
import { rollingWorkers } from "../training/rolling-task.js";
import { loadUdfs } from "../udfs/load-udfs.js";

/** How often a part of a rolling aggregate is tried whose worker dies, where nobody says. */
const ATTEMPTS = 2;

/**
 * A DuckDB instance of its own, and the sources pinned: a day reads what was there when the session was opened. `cells`,
 * `kernelBytes`: only tests give others than the engine's own, or a share of the memory.
 */
export async function openDay(
  {
    project,
    views,
    stores,
    udfs,
    duckdbConfig,
    limits = { attempts: ATTEMPTS },
  }: Pick<DayContext, "project" | "views" | "stores" | "udfs" | "duckdbConfig" | "limits">,
  cells: SqlCells = SQL_CELLS,
  kernelBytes?: number,
): Promise<DaySession> {
  const session = await SqlSession.open(duckdbConfig);
  try {
    const sources = new Map<string, Source>();
    for (const [name, view] of Object.entries(views)) sources.set(name, await openSource(project, view, session).pin());
    for (const [name, definition] of Object.entries(stores))
      await createStoreIds(session, name, await idsOf(definition));
    if (udfs !== undefined) registerUserFunctions(session, await loadUdfs(udfs));
    const threads = Math.min(Number(duckdbConfig["threads"] ?? availableParallelism()), availableParallelism());
    const rolling = rollingWorkers(threads, (workers) =>
      localExecutor({ workers, entry: new URL("./worker.js", import.meta.url), ...limits }),
    );
    return await openDaySession({ session, sources, kernelBytes, rolling }, cells);
  } catch (error) {
    session.close();
    throw error;
  }
}

/** The ids that the store has a vector for. */
async function idsOf(definition: StoreDefinition): Promise<StoreKeys> {
  const store = await LanceStore.open(definition);
  try {
    return await presentKeys(store);
  } finally {
    store.close();
  }
}
