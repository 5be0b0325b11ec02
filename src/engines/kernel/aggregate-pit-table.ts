import { type Data, Vector } from "apache-arrow";
import { ArenaFull } from "../../columnar/arena.js";
import { arrowData, type ColumnBuffers, TextsTooLong, type Words } from "../../columnar/arrow-answers.js";
import { dtypeOfArrow, FixedColumn, ListColumn, type RawColumn } from "../../columnar/arrow-columns.js";
import { isList } from "../../columnar/dtypes.js";
import { durationMicros } from "../../columnar/instants.js";
import { NumberedBytes } from "../../columnar/numbered-bytes.js";
import type { SharedArena } from "../../columnar/shared-arena.js";
import type { Window } from "../../definitions/aggregations.js";
import { Crew, CrewFailure } from "../../kernels/crew.js";
import { type HistoryBatch, HistoryIndex } from "../../kernels/history-index.js";
import type { RawOwn } from "../../kernels/own-values.js";
import { OutputPreparation } from "../../kernels/prepared-output.js";
import { ListsTooLong, NotSorted, type Piece, type Probing, type SharedIndex } from "../../kernels/table-probes.js";
import { COUNTED, SumOutside, type ValueForm, type WindowOutput } from "../../kernels/window-columns.js";
import type { RollingAggregate, RollingOutput, RollingSpec } from "../../operators/rolling-aggregate.js";
import type { PitRelation, PitTableEngine, PitTableJob } from "../pit-table.js";
import { engineProblem } from "../sql/problems.js";
import { formOf, isFixed } from "./forms.js";
import { mergeAnswers } from "./merge-answers.js";
import {
  ArrayColumn,
  codesOf,
  fixedRaw,
  gather,
  gatherBytes,
  LONG,
  longsOf,
  numbered,
  numbersRaw,
  ofLongs,
  type Raw,
} from "./pit-columns.js";
import { rowsOfEvents } from "./pit-events.js";
import { bothValid, columnOf, keysOf } from "./pit-keys.js";

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
        numbers: false,
      });
      const lengths = room.allocate(ticks.length * 8);
      room.int64At(lengths, ticks.length).set(ticks);
      const preparation = new OutputPreparation({ ...index.ordered, room }, matching.available !== undefined);
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
/** Of a history row and value: time, value, a running sum or a place, and its share of the table of keys. */
const BYTES_OF_A_ROW = 40;

/** Which keys an index holds: those whose hash falls into the part. */
interface KeyPart {
  readonly part: number;
  readonly parts: number;
}

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

function lay(column: RawColumn, from: number, to: number, room: SharedArena): number {
  const bytes = (to - from) * column.width;
  const address = room.allocate(bytes);
  column.copy(from, to, room.bytesAt(address, bytes));
  return address;
}

function layValidity(column: RawColumn, from: number, to: number, room: SharedArena): number {
  if (!column.nullable) return 0;
  const address = room.allocate(to - from);
  column.copyValidity(from, to, room.bytesAt(address, to - from));
  return address;
}

type OwnFeed = (from: number, to: number, room: SharedArena) => RawOwn;

function ownFeed(vector: Vector, words: Words | undefined): OwnFeed {
  const dtype = dtypeOfArrow(vector.type) ?? "TEXT";
  const isRaw = words === undefined && isFixed(dtype);
  const column = isRaw ? new FixedColumn(vector) : new ArrayColumn(rankedOwn(vector, words));
  const form = isRaw ? formOf(dtype) : LONG;
  return (from, to, room) => ({
    form,
    count: to - from,
    raw: lay(column, from, to, room),
    valid: layValidity(column, from, to, room),
  });
}

function rankedOwn(vector: Vector, words: Words | undefined): Raw {
  if (words === undefined) throw new RangeError("texts are compared by number");
  const numbers = numbered(vector, words.texts, false);
  const ranks = ranksOf(words);
  return numbersRaw(numbers.map((number) => (number < 0 ? -1 : (ranks[number] as number))));
}

function ranksOf({ byRank }: Words): Int32Array {
  const ranks = new Int32Array(byRank.length);
  for (let rank = 0; rank < byRank.length; rank++) ranks[byRank[rank] as number] = rank;
  return ranks;
}

function ownListFeed(vector: Vector, words: Words | undefined): OwnFeed {
  const { offsets, valid, elements } = new ListColumn(vector);
  const raw = words === undefined ? fixedRaw(elements) : rankedOwn(elements, words);
  const column = new ArrayColumn(raw);
  return (from, to, room) => {
    const rows = to - from;
    const [first, last] = [offsets[from] as number, offsets[to] as number];
    const entries = room.allocate(rows * 16);
    const listsValid = valid === undefined ? 0 : room.allocate(rows);
    const own = {
      form: raw.form,
      count: last - first,
      raw: lay(column, first, last, room),
      valid: layValidity(column, first, last, room),
    };
    const words = room.int32At(entries, rows * 4);
    for (let row = 0; row < rows; row++) {
      words[row * 4] = (offsets[from + row] as number) - first;
      words[row * 4 + 1] = 0;
      words[row * 4 + 2] = (offsets[from + row + 1] as number) - (offsets[from + row] as number);
      words[row * 4 + 3] = 0;
    }
    if (valid !== undefined) room.bytesAt(listsValid, rows).set(valid.subarray(from, to));
    return { ...own, lists: { entries, valid: listsValid } };
  };
}

function relationOf({ relations }: PitTableJob, name: string): PitRelation {
  const relation = relations.get(name);
  if (relation === undefined) throw new RangeError(`there is no relation "${name}"`);
  return relation;
}

/** The history rows of a group of specs: those that match, each once, or once for each element of a flattened list. */
class MatchingHistory {
  readonly keys: RawColumn;
  readonly available: Raw | undefined;
  /** The rows themselves, all of them. */
  readonly isOwn: boolean;
  readonly #history: PitRelation;
  readonly keyCodes: Raw;
  readonly #times: Raw;
  /** The rows that match; undefined: all. */
  readonly #ids: Int32Array | undefined;
  /** Of a flattened source: the element of each history row. */
  readonly #elements: { readonly vector: Vector; readonly ids: Int32Array } | undefined;

  constructor(rows: PitRelation, history: PitRelation, spec: RollingSpec, clock: PitClock) {
    this.#history = history;
    const keys = keysOf(spec.on, rows, history);
    const times = fixedRaw(columnOf(history, spec.rightTime.column));
    const available = spec.availableTime && clock.available(fixedRaw(columnOf(history, spec.availableTime.column)));
    let mask = bothValid(bothValid(keys.history.valid, times.valid), available?.valid);
    // A condition is settled by then: it is a column.
    for (const name of spec.where?.columns ?? []) mask = bothValid(mask, fixedRaw(columnOf(history, name)).bytes);
    let ids = spec.events && rowsOfEvents(columnOf(history, spec.events.column), spec.events.values);
    if (mask !== undefined) ids = ids === undefined ? idsOf(mask) : ids.filter((row) => mask[row] !== 0);
    if (spec.flattenDistinct && spec.source !== undefined) {
      const flat = flattened(columnOf(history, spec.source.name), ids, history.rows);
      ids = flat.rows;
      this.#elements = { vector: flat.vector, ids: flat.elements };
    }
    this.keys = keys.rows;
    this.isOwn = rows === history && ids === undefined && available === undefined;
    this.#ids = ids;
    this.keyCodes = this.#matching(keys.history);
    this.#times = this.#matching(times);
    this.available = available && this.#matching(available);
  }

  #matching(raw: Raw): Raw {
    return this.#ids === undefined ? raw : gather(raw, this.#ids);
  }

  get rows(): number {
    return this.keyCodes.bytes.length / 8;
  }

  /** The rows of a part of the keys, with these columns. */
  batch(columns: readonly Raw[], { part, parts }: KeyPart): HistoryBatch {
    const ids = parts === 1 ? undefined : rowsOfPart(this.keyCodes, part, parts);
    const pick = (raw: Raw): Raw => (ids === undefined ? raw : gather(raw, ids));
    const keys = longsOf(pick(this.keyCodes));
    return {
      rows: keys.length,
      keys,
      times: longsOf(pick(this.#times)),
      ...(this.available === undefined ? {} : { available: longsOf(pick(this.available)) }),
      values: columns.map((raw) => {
        const { bytes, valid } = codesOf(pick(raw));
        return { codes: longsOf({ form: LONG, bytes }), ...(valid === undefined ? {} : { valid }) };
      }),
    };
  }

  /** Whether there is a value: all rows have one, or a column that is NULL where there is none. */
  present(name: string): { readonly raw: Raw; readonly words: undefined } {
    const vector = this.#elements === undefined ? columnOf(this.#history, name) : this.#elements.vector;
    const ids = this.#elements === undefined ? this.#ids : this.#elements.ids;
    const rows = ids?.length ?? vector.length;
    const all = validBytes(vector);
    const valid = all === undefined ? undefined : ids === undefined ? all : gatherBytes(all, ids);
    return {
      raw: { form: { kind: 0, width: 1 }, bytes: new Uint8Array(rows), ...(valid?.includes(0) ? { valid } : {}) },
      words: undefined,
    };
  }

  /** The values of a column; texts and whole lists as ranks in their order. */
  values(name: string, flatten: boolean): { readonly raw: Raw; readonly words: Words | undefined } {
    const vector = flatten && this.#elements !== undefined ? this.#elements.vector : columnOf(this.#history, name);
    const ids = flatten && this.#elements !== undefined ? this.#elements.ids : this.#ids;
    if (isFixed(dtypeOfArrow(vector.type) ?? "TEXT")) {
      const raw = fixedRaw(vector);
      return { raw: ids === undefined ? raw : gather(raw, ids), words: undefined };
    }
    const texts = new NumberedBytes();
    const wanted = ids === undefined ? undefined : maskOf(ids, vector.length);
    const numbers = numbered(vector, texts, true, wanted);
    const ranks = texts.ranks();
    const raw = numbersRaw(numbers.map((number) => (number < 0 ? -1 : (ranks[number] as number))));
    const byRank = new Int32Array(ranks.length);
    for (let number = 0; number < ranks.length; number++) byRank[ranks[number] as number] = number;
    return { raw: ids === undefined ? raw : gather(raw, ids), words: { texts, byRank } };
  }
}

function validBytes(vector: Vector): Uint8Array | undefined {
  if (vector.nullCount === 0) return undefined;
  const bytes = new Uint8Array(vector.length);
  new ValidityOf(vector).copy(bytes);
  return bytes;
}

/** Validity of any column. */
class ValidityOf {
  readonly #vector: Vector;

  constructor(vector: Vector) {
    this.#vector = vector;
  }

  copy(into: Uint8Array): void {
    let at = 0;
    for (const data of this.#vector.data) {
      const { length, nullBitmap, offset, nullCount } = data;
      if (nullCount === 0) into.fill(1, at, at + length);
      else
        for (let row = 0; row < length; row++)
          into[at + row] = ((nullBitmap[(offset + row) >> 3] as number) >> ((offset + row) & 7)) & 1;
      at += length;
    }
  }
}

/** The rows whose key's hash falls into the part. */
function rowsOfPart(keys: Raw, part: number, parts: number): Int32Array {
  const longs = longsOf(keys);
  const words = new Int32Array(longs.buffer, longs.byteOffset, longs.length * 2);
  const rows = new Int32Array(longs.length);
  let count = 0;
  for (let row = 0; row < longs.length; row++) {
    let hash = Math.imul(words[row * 2] as number, 0x9e3779b1) ^ Math.imul(words[row * 2 + 1] as number, 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    if (((hash ^ (hash >>> 13)) >>> 0) % parts === part) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

function idsOf(mask: Uint8Array): Int32Array {
  let count = 0;
  for (let row = 0; row < mask.length; row++) count += mask[row] as number;
  // Each row is written and the next one over it unless it counts: no branch to mispredict.
  const ids = new Int32Array(count + 1);
  let at = 0;
  for (let row = 0; row < mask.length; row++) {
    ids[at] = row;
    at += mask[row] as number;
  }
  return ids.subarray(0, count);
}

function maskOf(ids: Int32Array, rows: number): Uint8Array {
  const mask = new Uint8Array(rows);
  for (let i = 0; i < ids.length; i++) mask[ids[i] as number] = 1;
  return mask;
}

/** The elements of the lists of rows `ids` (undefined: all), with the row of each. */
function flattened(vector: Vector, ids: Int32Array | undefined, rows: number) {
  const { offsets, elements } = new ListColumn(vector);
  const count = ids?.length ?? rows;
  const rowAt = (i: number): number => (ids === undefined ? i : (ids[i] as number));
  let size = 0;
  for (let i = 0; i < count; i++) size += (offsets[rowAt(i) + 1] as number) - (offsets[rowAt(i)] as number);
  const ofRows = new Int32Array(size);
  const ofElements = new Int32Array(size);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = rowAt(i);
    for (let element = offsets[row] as number; element < (offsets[row + 1] as number); element++) {
      ofRows[at] = row;
      ofElements[at++] = element;
    }
  }
  return { vector: elements, rows: ofRows, elements: ofElements };
}

/**
 * How instants are compared without rounding (as in `windows.ts`): of nanoseconds h and microseconds t, `h < 1000 t` says
 * `floor(h / 1000) < t`, and `t < 1000 h` says `ceil(t / 1000) <= h`; windows are whole microseconds. What is known is
 * compared apart, by its own resolution.
 */
interface PitClock {
  readonly timeDivisor: bigint;
  ticks(window: Window): bigint;
  available(ticks: Raw): Raw;
  feed(rows: PitRelation): { readonly times: RawColumn; readonly known?: RawColumn };
}

function clockOf(
  { timestampColumn: left }: RollingAggregate,
  { rightTime: right, availableTime }: RollingSpec,
): PitClock {
  const mixed = left.resolution !== right.resolution;
  const nanos = left.resolution === "ns";
  const availableMixed = availableTime !== undefined && availableTime.resolution !== left.resolution;
  return {
    timeDivisor: mixed && right.resolution === "ns" ? 1000n : 1n,
    ticks(window) {
      if (window === "all") return -1n;
      const length = durationMicros(window) * (nanos && !mixed ? 1000n : 1n);
      return length >= 2n ** 63n ? -1n : length;
    },
    available: (ticks) => (availableMixed && !nanos ? ceilThousand(ticks) : ticks),
    feed(rows) {
      const vector = columnOf(rows, left.column);
      const own = new FixedColumn(vector);
      const times = mixed && nanos ? new ArrayColumn(ceilThousand(fixedRaw(vector))) : own;
      if (availableTime === undefined) return { times };
      return { times, known: availableMixed && nanos ? new ArrayColumn(floorThousand(fixedRaw(vector))) : own };
    },
  };
}

function ceilThousand(raw: Raw): Raw {
  return ofLongs(
    longsOf(raw).map((ticks) => -floorOf(-ticks)),
    raw.valid,
  );
}

function floorThousand(raw: Raw): Raw {
  return ofLongs(longsOf(raw).map(floorOf), raw.valid);
}

function floorOf(ticks: bigint): bigint {
  const quotient = ticks / 1000n;
  return quotient * 1000n > ticks ? quotient - 1n : quotient;
}
