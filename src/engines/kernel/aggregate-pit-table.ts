import { type Data, Vector } from "apache-arrow";
import { ArenaFull } from "../../columnar/arena.js";
import { arrowData, type ColumnBuffers, TextsTooLong, type Words } from "../../columnar/arrow-answers.js";
import { dtypeOfArrow, type RawColumn } from "../../columnar/arrow-columns.js";
import { isList } from "../../columnar/dtypes.js";
import type { SharedArena } from "../../columnar/shared-arena.js";
import { Crew, CrewFailure } from "../../kernels/crew.js";
import { HistoryIndex } from "../../kernels/history-index.js";
import { OutputPreparation } from "../../kernels/prepared-output.js";
import { ListsTooLong, NotSorted, type Piece, type Probing, type SharedIndex } from "../../kernels/table-probes.js";
import { COUNTED, SumOutside, type ValueForm, type WindowOutput } from "../../kernels/window-columns.js";
import type { RollingAggregate, RollingOutput, RollingSpec } from "../../operators/rolling-aggregate.js";
import type { PitRelation, PitTableEngine, PitTableJob } from "../pit-table.js";
import { engineProblem } from "../sql/problems.js";
import { mergeAnswers } from "./merge-answers.js";
import { clockOf } from "./pit-clock.js";
import { ArrayColumn, longsOf, ofLongs, type Raw } from "./pit-columns.js";
import { lay, layValidity, type OwnFeed, ownFeed, ownListFeed } from "./pit-feeds.js";
import { type KeyPart, MatchingHistory } from "./pit-history.js";
import { columnOf } from "./pit-keys.js";

/** Rows that are answered together, and a chunk of the output: it must not depend on the threads. */
const PIECE = 65_536;

/**
 * The matching history is indexed once, and the rows probe it in any order, piece by piece on several threads. Nothing is
 * joined back: a piece's answers are its rows' Arrow buffers.
 */
export const aggregatePitTable: PitTableEngine = async (job) => {
  const crew = crews.pop() ?? new Crew();
  try {
    crew.reserve(job.threads);
    const columns = await answersOf(crew, job);
    if (crews.length < KEPT && crew.memory.buffer.byteLength <= MOST_KEPT) crews.push(crew);
    else crew.close();
    return columns;
  } catch (error) {
    crew.close();
    throw error;
  }
};

/** Crews that wait for the next call, warm: calls at one time have one each. */
const crews: Crew[] = [];
const KEPT = 2;
const MOST_KEPT = 2 ** 30;

async function answersOf(crew: Crew, job: PitTableJob): Promise<ReadonlyMap<string, Vector>> {
  const plan = new Plan(crew, job);
  for (const aggregate of job.aggregates) plan.add(aggregate);
  try {
    for (let rows = PIECE; ; rows = Math.ceil(rows / 16)) {
      try {
        return await plan.answer(rows);
      } catch (error) {
        if (!(error instanceof ListsTooLong || error instanceof TextsTooLong) || rows === 1) throw error;
      }
    }
  } catch (error) {
    if (error instanceof SumOutside) throw engineProblem("integer-sum", { column: plan.nameOf(error.output) });
    if (error instanceof ArenaFull) throw engineProblem("kernel-memory", { what: "the matching history" });
    if (error instanceof CrewFailure) throw engineProblem("kernel-thread", { message: error.message });
    throw error;
  }
}

/** A column that is asked for. */
interface Asked {
  readonly spec: RollingSpec;
  readonly output: RollingOutput;
}

/** A column of a group's history, and the outputs that are made of it. */
interface HistoryValue {
  readonly raw: Raw;
  readonly words: Words | undefined;
  readonly outputs: number[];
}

/** Columns over the same matching history; its columns by name, "" for the rows themselves. */
interface Group {
  readonly matching: MatchingHistory;
  readonly values: ReadonlyMap<string, HistoryValue>;
  readonly windowOutputs: ReadonlyMap<number, { readonly spec: WindowOutput; readonly form: ValueForm }>;
  /** The windows' lengths. */
  readonly ticks: readonly bigint[];
  readonly timeDivisor: bigint;
  readonly keysPlace: number;
  readonly clockPlace: number;
}

/** What a piece of rows has to bring for the indexes, and the indexes. */
class Plan {
  readonly #crew: Crew;
  readonly #job: PitTableJob;
  readonly #rows: PitRelation;
  readonly #groups: Group[] = [];
  readonly #indexes: SharedIndex[] = [];
  readonly #keys: RawColumn[] = [];
  readonly #clocks: { readonly times: RawColumn; readonly known?: RawColumn }[] = [];
  readonly #own: OwnFeed[] = [];
  readonly #ownPlaces = new Map<string, number>();
  readonly #outputs: { readonly name: string; readonly words: Words | undefined }[] = [];

  constructor(crew: Crew, job: PitTableJob) {
    this.#crew = crew;
    this.#job = job;
    this.#rows = relationOf(job, job.aggregates[0]?.inputs[0] ?? "");
  }

  nameOf(output: number): string {
    return this.#outputs[output]?.name ?? "";
  }

  /** Specs over the same matching rows share their indexes; a flattened source multiplies rows, so it is one of its own. */
  add(aggregate: RollingAggregate): void {
    const groups = new Map<string, Asked[]>();
    for (const spec of aggregate.specs) {
      const signature = JSON.stringify(
        [
          spec.on,
          spec.rightTime,
          spec.availableTime,
          spec.events,
          spec.where,
          spec.flattenDistinct && spec.source?.name,
        ],
        (_, value) => (typeof value === "bigint" ? `${value}n` : value),
      );
      const asked = spec.outputs.map((output) => ({ spec, output }));
      groups.set(signature, [...(groups.get(signature) ?? []), ...asked]);
    }
    for (const group of groups.values()) this.#addGroup(aggregate, group);
  }

  #addGroup(aggregate: RollingAggregate, asked: readonly Asked[]): void {
    const { spec } = asked[0] as Asked;
    const history = relationOf(this.#job, aggregate.inputs[1]);
    const clock = clockOf(aggregate, spec);
    const matching = new MatchingHistory(this.#rows, history, spec, clock);
    const clockPlace = this.#clocks.push(clock.feed(this.#rows)) - 1;
    const keysPlace = this.#keys.push(matching.keys) - 1;
    const windows = [...new Set(asked.map(({ output }) => output.window))];
    const values = new Map<string, HistoryValue>();
    const windowOutputs = new Map<number, { readonly spec: WindowOutput; readonly form: ValueForm }>();
    for (const { spec: one, output } of asked) {
      const place = this.#outputs.length;
      const value = this.#valueOf(matching, one, values);
      const own = one.excludeSelf === undefined ? undefined : this.#ownOf(one, value?.words);
      this.#outputs.push({
        name: output.name,
        words: one.agg === "count" || one.agg === "count_distinct" ? undefined : value?.words,
      });
      value?.outputs.push(place);
      if (value === undefined) {
        const rows = values.get("") ?? { raw: ofLongs(new BigInt64Array(0)), words: undefined, outputs: [] };
        values.set("", rows);
        rows.outputs.push(place);
      }
      windowOutputs.set(place, {
        form: value?.raw.form ?? COUNTED,
        spec: {
          aggregate: one.agg,
          ...(value === undefined ? {} : { column: 0 }),
          window: windows.indexOf(output.window),
          ...(own === undefined ? {} : { excludeOwn: own }),
          distinct: one.agg === "count_distinct" || one.flattenDistinct,
          ...(one.maxLength === undefined ? {} : { maxLength: Number(one.maxLength) }),
        },
      });
    }
    const ticks = windows.map(clock.ticks);
    const group = { matching, values, windowOutputs, ticks, timeDivisor: clock.timeDivisor, keysPlace, clockPlace };
    this.#groups.push(group);
  }

  /** Builds the indexes of a group. */
  #index({ matching, values, windowOutputs, ticks, timeDivisor, keysPlace, clockPlace }: Group, keys: KeyPart): void {
    // A column with NULLs is an index of its own, since NULLs are no history; so is one whose rows have an availability.
    const alone: string[][] = [];
    const together: string[] = [];
    for (const [name, { raw }] of values)
      if (name !== "" && (raw.valid !== undefined || matching.available !== undefined)) alone.push([name]);
      else together.push(name);
    for (const names of [...alone, ...(together.length === 0 ? [] : [together])]) {
      const columns = names
        .filter((name) => name !== "")
        .map((name) => values.get(name)?.raw ?? ofLongs(new BigInt64Array(0)));
      const batch = matching.batch(columns, keys);
      const room = this.#crew.room(this.#indexes.length);
      const index = new HistoryIndex<SharedArena>(room);
      index.build([batch], {
        columns: columns.map((_, place) => place),
        available: matching.available !== undefined,
        timeDivisor,
      });
      const lengths = room.allocate(ticks.length * 8);
      room.int64At(lengths, ticks.length).set(ticks);
      const preparation = new OutputPreparation({ ...index.ordered, room }, ticks, matching.available !== undefined);
      const valued = names.filter((name) => name !== "");
      const outputs = names.flatMap((name) =>
        (values.get(name)?.outputs ?? []).map((place) => {
          const asked = windowOutputs.get(place);
          if (asked === undefined) throw new RangeError(`there is no output ${place}`);
          const column = valued.indexOf(name);
          const indexed = index.columns[column] ?? { values: 0, available: index.rowsAvailable };
          return preparation.prepare(place, asked.spec, column, indexed, asked.form);
        }),
      );
      this.#indexes.push({
        keys: keysPlace,
        clock: clockPlace,
        table: index.keys,
        groups: index.groups,
        starts: index.starts,
        times: index.times,
        windows: ticks.length,
        lengths,
        outputs,
      });
    }
  }

  #valueOf(
    matching: MatchingHistory,
    { source, agg, excludeSelf, flattenDistinct }: RollingSpec,
    values: Map<string, HistoryValue>,
  ) {
    if (source === undefined) return undefined;
    // A count needs to know only whether there is a value.
    const present = agg === "count" && excludeSelf === undefined;
    const key = `${present} ${source.name}`;
    const known = values.get(key);
    if (known !== undefined) return known;
    const made = {
      ...(present ? matching.present(source.name) : matching.values(source.name, flattenDistinct)),
      outputs: [],
    };
    values.set(key, made);
    return made;
  }

  /** The row's own values: which of the piece's. */
  #ownOf({ excludeSelf = "", source, flattenDistinct }: RollingSpec, words: Words | undefined): number {
    const key = JSON.stringify([excludeSelf, words === undefined ? "" : source?.name, flattenDistinct]);
    const known = words === undefined ? this.#ownPlaces.get(key) : undefined;
    if (known !== undefined) return known;
    const vector = columnOf(this.#rows, excludeSelf);
    const isOwnList = flattenDistinct && isList(dtypeOfArrow(vector.type) ?? "TEXT");
    const place = this.#own.push(isOwnList ? ownListFeed(vector, words) : ownFeed(vector, words)) - 1;
    this.#ownPlaces.set(key, place);
    return place;
  }

  async answer(pieceRows: number): Promise<ReadonlyMap<string, Vector>> {
    const sorted = pieceRows === PIECE ? await this.#answerRuns() : undefined;
    if (sorted !== undefined) return sorted;
    const { rows } = this.#rows;
    const ends = Array.from({ length: Math.ceil(rows / pieceRows) }, (_, piece) =>
      Math.min(rows, (piece + 1) * pieceRows),
    );
    const parts = Math.ceil(this.#indexBytes() / (this.#job.memory ?? MOST_INDEXED));
    return this.#columns(ends, await this.#answerParts(Math.max(1, parts), ends));
  }

  /** The answers from indexes of one part of the keys after the other: what does not fit the memory at once. */
  async #answerParts(parts: number, ends: readonly number[]): Promise<Answers> {
    let merged: Answers | undefined;
    for (let part = 0; part < parts; part++) {
      this.#indexes.length = 0;
      for (const group of this.#groups) this.#index(group, { part, parts });
      const answers = await this.#answer({ kind: "indexes", indexes: this.#indexes }, ends, []);
      merged =
        merged?.map((columns, piece) =>
          columns.map((column, output) =>
            mergeAnswers(
              column,
              answers[piece]?.[output] as ColumnBuffers,
              (ends[piece] as number) - beginOf(ends, piece),
            ),
          ),
        ) ?? answers;
    }
    return merged ?? [];
  }

  /** About how much memory the indexes take together. */
  #indexBytes(): number {
    return this.#groups.reduce(
      (sum, { matching, values }) => sum + matching.rows * BYTES_OF_A_ROW * Math.max(1, values.size),
      0,
    );
  }

  /** Rows that come sorted by key and time, and are their own history, need no index; undefined if they are not. */
  async #answerRuns(): Promise<ReadonlyMap<string, Vector> | undefined> {
    const [group, ...more] = this.#groups;
    if (group === undefined || more.length > 0 || !group.matching.isOwn || group.timeDivisor !== 1n) return undefined;
    const values = [...group.values].filter(([name]) => name !== "").map(([, value]) => value);
    if (values.some(({ raw }) => raw.valid !== undefined)) return undefined;
    const ends = runEnds(group.matching.keyCodes);
    if (ends === undefined) return undefined;
    const outputs = [...group.windowOutputs.entries()].map(([place, { spec }]) => {
      const column = values.findIndex(({ outputs: of }) => of.includes(place));
      return column < 0 ? spec : { ...spec, column };
    });
    const runs = { windows: group.ticks, columns: values.map(({ raw }) => raw.form), outputs };
    const columns = values.map(({ raw }) => new ArrayColumn(raw));
    try {
      return this.#columns(ends, await this.#answer({ kind: "runs", runs }, ends, columns));
    } catch (error) {
      // Fewer rows at once are a matter of the other way: a run is never cut.
      if (error instanceof NotSorted || error instanceof ListsTooLong || error instanceof TextsTooLong)
        return undefined;
      throw error;
    }
  }

  /** Pieces end at `ends`; `values`: what each brings beside keys, times and own values. */
  #answer(probing: Probing, ends: readonly number[], values: readonly RawColumn[]): Promise<Answers> {
    return this.#crew.answer(probing, this.#job.threads, ends.length, (piece, room) => {
      const [from, to] = [beginOf(ends, piece), ends[piece] as number];
      return { ...this.#lay(from, to, room), values: values.map((column) => lay(column, from, to, room)) };
    });
  }

  /** The answers to pieces as columns, a chunk for each piece. */
  #columns(ends: readonly number[], answers: Answers): ReadonlyMap<string, Vector> {
    return new Map(
      this.#outputs.map(({ name, words }, output) => {
        const type = this.#job.types.get(name);
        if (type === undefined) throw new RangeError(`output "${name}" has no type`);
        const data = answers.map((columns, piece): Data => {
          const length = (ends[piece] as number) - beginOf(ends, piece);
          return arrowData(type, length, columns[output] as ColumnBuffers, words);
        });
        const empty = { values: new Uint8Array(0), offsets: new Int32Array(1), nulls: 0 };
        return [name, new Vector(data.length > 0 ? data : [arrowData(type, 0, empty, words)])];
      }),
    );
  }

  #lay(from: number, to: number, room: SharedArena): Piece {
    return {
      rows: to - from,
      keys: this.#keys.map((column) => ({
        codes: lay(column, from, to, room),
        valid: layValidity(column, from, to, room),
      })),
      clocks: this.#clocks.map(({ times, known }) => ({
        times: lay(times, from, to, room),
        known: known === undefined ? 0 : lay(known, from, to, room),
      })),
      own: this.#own.map((own) => own(from, to, room)),
    };
  }
}

/** For each piece the buffers of each output. */
type Answers = readonly (readonly ColumnBuffers[])[];

function beginOf(ends: readonly number[], piece: number): number {
  return piece === 0 ? 0 : (ends[piece - 1] as number);
}

/** Indexes take this much at once unless the call says otherwise: what is made while they are built has room beside them. */
const MOST_INDEXED = 2 ** 31;
/** Of a history row and value: time, value, a running sum or places, and its share of the table of keys. */
const BYTES_OF_A_ROW = 64;

/** Rows of a piece of whole runs, at most: it lies in the memory at once. */
const MOST_IN_RUNS = PIECE * 16;

/** Where pieces of whole runs end; undefined if the rows do not look sorted by key, or a run is too long for a piece. */
function runEnds(keys: Raw): readonly number[] | undefined {
  const codes = longsOf(keys);
  const rows = codes.length;
  const key = (row: number): bigint => codes[row] as bigint;
  for (let row = 1; row < Math.min(rows, LOOKED_AT); row++) if (key(row - 1) > key(row)) return undefined;
  const ends: number[] = [];
  for (let from = 0; from < rows; ) {
    let end = Math.min(rows, from + RUNS_PIECE);
    while (end < rows && key(end - 1) === key(end)) {
      if (end - from >= MOST_IN_RUNS) return undefined;
      end += 1;
    }
    // Within a piece the kernel looks.
    if (end < rows && key(end - 1) > key(end)) return undefined;
    ends.push(end);
    from = end;
  }
  return ends;
}

/** Rows at the beginning that tell whether it is worth a try. */
const LOOKED_AT = 1000;
const RUNS_PIECE = PIECE / 2;

function relationOf({ relations }: PitTableJob, name: string): PitRelation {
  const relation = relations.get(name);
  if (relation === undefined) throw new RangeError(`there is no relation "${name}"`);
  return relation;
}
