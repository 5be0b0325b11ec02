import { SQL_CELLS, type SqlCells } from "../engines/sql/cells.js";
import { openDaySession } from "../engines/sql/day-session.js";
import { SqlSession } from "../engines/sql/session.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import type { DaySession } from "../training/day.js";
import type { DayContext } from "../training/days-task.js";

/**
 * A DuckDB instance of its own, and the sources pinned: a day reads what was there when the session was opened. `cells`,
 * `kernelBytes`: only tests give others than the engine's own, or a share of the memory.
 */
export async function openDay(
  { project, views, duckdbConfig }: Pick<DayContext, "project" | "views" | "duckdbConfig">,
  cells: SqlCells = SQL_CELLS,
  kernelBytes?: number,
): Promise<DaySession> {
  const session = await SqlSession.open(duckdbConfig);
  try {
    const sources = new Map<string, Source>();
    for (const [name, view] of Object.entries(views)) sources.set(name, await openSource(project, view, session).pin());
    return await openDaySession({ session, sources, kernelBytes }, cells);
  } catch (error) {
    session.close();
    throw error;
  }
}
