import { type DType, isList } from "../../columnar/dtypes.js";
import type { Day } from "../../columnar/instants.js";
import type { Schema } from "../../operators/operator.js";

/** What the manifests of a service's written days say, day by day; figures stand in the order of `days`. */
export interface WrittenDays {
  /** The folder of the days, as the project names it. */
  readonly outputRoot: string;
  /** How many days are there; `days` are the latest of them. */
  readonly count: number;
  readonly days: readonly { readonly day: Day; readonly rows: number }[];
  /** The contract's columns; null on a day whose file lacks the column or has it with another dtype. */
  readonly columns: readonly WrittenColumn[];
}

/** Figures of one column, one a day. */
export interface WrittenColumn {
  readonly name: string;
  readonly nulls: readonly (number | null)[];
  /** Scalars only, as text; null also where the day has no value. */
  readonly min?: readonly (string | null)[];
  readonly max?: readonly (string | null)[];
  /** An estimate, scalars only. */
  readonly distinct?: readonly (number | null)[];
  /** Lists only: the shortest, the longest and the mean length. */
  readonly shortest?: readonly (number | null)[];
  readonly longest?: readonly (number | null)[];
  readonly meanLength?: readonly (number | null)[];
}

/** What a manifest says of a day; the part of it that matters here. */
export interface DayFigures {
  readonly day: Day;
  readonly rows: number;
  readonly columns: readonly {
    readonly name: string;
    readonly dtype: DType;
    readonly nulls: number;
    readonly min?: string;
    readonly max?: string;
    readonly distinct?: number;
    readonly lengths?: { readonly min: number; readonly max: number; readonly mean: number };
  }[];
}

/** How many figures a page can hold and still open at once. */
const MOST_CELLS = 100_000;
const MOST_DAYS = 366;
const LEAST_DAYS = 7;

/** `days`: ascending. */
export function collectWrittenDays(outputRoot: string, output: Schema, days: readonly DayFigures[]): WrittenDays {
  const most = Math.max(LEAST_DAYS, Math.min(MOST_DAYS, Math.floor(MOST_CELLS / output.length)));
  const latest = days.slice(-most);
  const byName = latest.map(({ columns }) => new Map(columns.map((column) => [column.name, column])));
  return {
    outputRoot,
    count: days.length,
    days: latest.map(({ day, rows }) => ({ day, rows })),
    columns: output.map(({ name, dtype }): WrittenColumn => {
      const cells = byName.map((columns) => {
        const column = columns.get(name);
        return column?.dtype === dtype ? column : undefined;
      });
      const nulls = cells.map((cell) => cell?.nulls ?? null);
      if (isList(dtype))
        return {
          name,
          nulls,
          shortest: cells.map((cell) => cell?.lengths?.min ?? null),
          longest: cells.map((cell) => cell?.lengths?.max ?? null),
          meanLength: cells.map((cell) => cell?.lengths?.mean ?? null),
        };
      return {
        name,
        nulls,
        min: cells.map((cell) => cell?.min ?? null),
        max: cells.map((cell) => cell?.max ?? null),
        distinct: cells.map((cell) => cell?.distinct ?? null),
      };
    }),
  };
}
