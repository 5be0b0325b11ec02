import { type Day, dayOfMicros, dayStartMicros, MICROS_PER_DAY } from "../columnar/instants.js";
import { DaedalusError } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import { sourceOf, spineTime, type TrainingInputs } from "./inputs.js";

/** Which days a command is about; nothing: the months of the feed. */
export interface DaySelection {
  readonly targetDate?: string;
  /** Inclusive; alone: to the end of the feed's months. */
  readonly from?: string;
  /** Inclusive; alone: from the start of the feed's months. */
  readonly to?: string;
}

/**
 * The UTC days of the selection that have rows of the spine view, ascending, and how many. Throws DaedalusError, exit code 2, for a bad
 * date and for a selection without any row, naming the nearest days that have some. `option`: what the target date was given by.
 */
export async function selectDays(
  inputs: TrainingInputs,
  selection: DaySelection,
  option = "--target-date",
): Promise<ReadonlyMap<Day, number>> {
  const { start, end, what } = boundsOf(inputs.feed, selection, option);
  const { view } = inputs.pipeline.spine;
  const source = sourceOf(inputs, view);
  const time = spineTime(inputs.pipeline);
  const days = await source.rowsByDay(time, { from: start, to: end });
  if (days.size > 0) return days;
  const all = [...(await source.rowsByDay(time, {})).keys()];
  const first = dayOfMicros(start);
  const nearest = [...all.filter((day) => day < first).slice(-2), ...all.filter((day) => day > first).slice(0, 2)];
  throw new DaedalusError([trainingProblem("day-without-rows", { what, view, address: source.address, nearest })], 2);
}

function boundsOf(feed: TrainingInputs["feed"], { targetDate, from, to }: DaySelection, option: string) {
  if (targetDate !== undefined && (from !== undefined || to !== undefined))
    throw new DaedalusError(
      [
        trainingProblem("conflicting-options", {
          first: "--target-date",
          second: from === undefined ? "--to" : "--from",
        }),
      ],
      2,
    );
  if (targetDate !== undefined) {
    const start = startOf(option, targetDate);
    return { start, end: start + MICROS_PER_DAY, what: `on ${targetDate}` };
  }
  const start = from === undefined ? monthStart(feed.start, 0) : startOf("--from", from);
  const end = to === undefined ? monthStart(feed.end, 1) : startOf("--to", to) + MICROS_PER_DAY;
  const [first, last] = [dayOfMicros(start), dayOfMicros(end - 1n)];
  if (start >= end) throw new DaedalusError([trainingProblem("bad-range", { from: first, to: last })], 2);
  return { start, end, what: `from ${first} to ${last}` };
}

function startOf(option: string, value: string): bigint {
  try {
    return dayStartMicros(value);
  } catch {
    throw new DaedalusError([trainingProblem("bad-day", { option, value })], 2);
  }
}

/** Microseconds of the first instant of the month that lies `later` months after `YYYYMM`. */
function monthStart(month: string, later: number): bigint {
  const date = new Date(0);
  date.setUTCFullYear(Number(month.slice(0, 4)), Number(month.slice(4)) - 1 + later, 1);
  return BigInt(date.getTime()) * 1000n;
}
