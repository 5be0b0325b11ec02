// A worker process: runs the days that the process which forked it sends.
import { openDaySession } from "../engines/sql/day-session.js";
import { SqlSession } from "../engines/sql/session.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import { serveTasks } from "../tasks/worker.js";
import type { DaySession } from "../training/day.js";
import { DAYS_TASK, type DayContext, daysTaskHandler } from "../training/days-task.js";

/** A DuckDB instance of its own, and the sources pinned: a day reads what was there when the session was opened. */
async function openDay({ project, views, duckdbConfig }: DayContext): Promise<DaySession> {
  const session = await SqlSession.open(duckdbConfig);
  try {
    const sources = new Map<string, Source>();
    for (const [name, view] of Object.entries(views)) sources.set(name, await openSource(project, view, session).pin());
    return await openDaySession({ session, sources });
  } catch (error) {
    session.close();
    throw error;
  }
}

serveTasks({ [DAYS_TASK]: () => daysTaskHandler(openDay) });
