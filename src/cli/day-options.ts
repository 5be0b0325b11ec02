import type { Command } from "commander";
import type { DaySelection } from "../training/days.js";
import type { DayPolicy } from "../training/plan.js";

/** Which days, into which folder, and which of their states are done. */
export interface DayOptions {
  readonly targetDate?: string;
  readonly from?: string;
  readonly to?: string;
  readonly outputRoot?: string;
  readonly skeletonOnly?: boolean;
  readonly refresh?: boolean;
  readonly force?: boolean;
}

export function dayOptions(command: Command): Command {
  return command
    .option("--target-date <day>", "one day, YYYY-MM-DD, also outside feed_start..feed_end")
    .option("--from <day>", "first day, YYYY-MM-DD")
    .option("--to <day>", "last day, YYYY-MM-DD")
    .option("--output-root <dir>", "folder of the days, instead of output_root")
    .option("--skeleton-only", "leave embedding columns as typed NULLs")
    .option("--refresh", "also days that are outdated: an input without a time bound has changed")
    .option("--force", "all days, whatever their state");
}

export function selectionOf(options: DayOptions): DaySelection & DayPolicy {
  const { targetDate, from, to, skeletonOnly, refresh, force } = options;
  return {
    ...(targetDate === undefined ? {} : { targetDate }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(skeletonOnly === undefined ? {} : { skeletonOnly }),
    ...(refresh === undefined ? {} : { refresh }),
    ...(force === undefined ? {} : { force }),
  };
}
