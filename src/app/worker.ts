// A worker process: runs the days and parts that the process which started it sends.
import { RollingParts } from "../engines/sql/rolling-part.js";
import { serveTasks } from "../tasks/worker.js";
import { DAYS_TASK, daysTaskHandler } from "../training/days-task.js";
import { ENRICH_TASK, enrichTaskHandler } from "../training/enrich-task.js";
import { ROLLING_TASK, rollingTaskHandler } from "../training/rolling-task.js";
import { openDay } from "./open-day.js";
import { openEnrich } from "./open-enrich.js";

serveTasks({
  [DAYS_TASK]: () => daysTaskHandler((context) => openDay(context)),
  [ROLLING_TASK]: () => rollingTaskHandler(new RollingParts()),
  [ENRICH_TASK]: () => enrichTaskHandler(openEnrich),
});
