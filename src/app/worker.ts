// A worker process: runs the days that the process which forked it sends.
import { serveTasks } from "../tasks/worker.js";
import { DAYS_TASK, daysTaskHandler } from "../training/days-task.js";
import { openDay } from "./open-day.js";

serveTasks({ [DAYS_TASK]: () => daysTaskHandler(openDay) });
