// A worker process: runs the days and parts that the process which forked it sends.
import { serveTasks } from "../tasks/worker.js";
import { DAYS_TASK, daysTaskHandler } from "../training/days-task.js";
import { ENRICH_TASK, enrichTaskHandler } from "../training/enrich-task.js";
import { openDay } from "./open-day.js";
import { openEnrich } from "./open-enrich.js";

serveTasks({
  [DAYS_TASK]: () => daysTaskHandler((context) => openDay(context)),
  [ENRICH_TASK]: () => enrichTaskHandler(openEnrich),
});
