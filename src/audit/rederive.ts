import { access } from "node:fs/promises";
import { join } from "node:path";
import { dayStartMicros, MICROS_PER_DAY } from "../columnar/instants.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import type { SqlSession } from "../engines/sql/session.js";
import type { Schema } from "../operators/operator.js";
import type { DayManifest } from "../storage/day-manifest.js";
import { isoDate } from "../trace/instants.js";
import { Interpreter } from "../trace/interpreter.js";
import { Reading, TooManyRows } from "../trace/reading.js";
import type { Row } from "../trace/row.js";
import { equalityText } from "../trace/values.js";
import { unitOf, writtenDays } from "../training/day-states.js";
import { InputReader, type TrainingInputs } from "../training/inputs.js";
import { judgeDays } from "../training/plan.js";
import { QID_MAP_FILE } from "../training/qid-map.js";
import {
  dayCondition,
  type Group,
  groupOfSpineRow,
  groupOfWrittenRow,
  type Identity,
  identityOf,
  spineCondition,
  writtenCondition,
} from "./identity.js";
import { Random } from "./random.js";
import { faultOfContents, faultOfOrder } from "./written-files.js";
import {
  type ComparedGroup,
  compareGroup,
  PLACE,
  type WrittenDay,
  type WrittenRow,
  writtenRows,
} from "./written-rows.js";

/** What was derived again from the sources and compared with the files. */
export interface Rederived {
  /** Written rows, and values of them, that were compared. */
  readonly rows: number;
  readonly values: number;
  /** Days that rows were drawn from. */
  readonly days: readonly string[];
  /** Sentences: days and values that were left out, and why. */
  readonly skipped: readonly string[];
  readonly faults: readonly GroupFault[];
  readonly files: readonly FileFault[];
}

/** A day whose files are not what its manifest and the contract say. */
export interface FileFault {
  readonly day: string;
  readonly says: string;
}

/** A group of rows whose files are not what the sources give. */
export interface GroupFault {
  readonly day: string;
  readonly group: Group;
  readonly compared: ComparedGroup;
}

export interface RederiveOptions {
  readonly rows: number;
  readonly seed: number;
  readonly date?: string;
  readonly columns: Schema;
  readonly signal?: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Rows of the spine that are drawn on a day without written rows. */
const OF_EMPTY_DAY = 5;

/** Groups that are asked for at once. */
const TOGETHER = 25;

/** Rows that are compared with each other at most: where the contract hardly tells rows apart, groups are large. */
export const MOST_COMPARED = 5_000;

/**
 * Draws rows of the files, and as many of the spine on the same days, and derives each of them again, by the interpreter alone. The files of
 * these days are to have the columns of the contract, and its order.
 */
export async function rederive(
  inputs: TrainingInputs,
  service: ResolvedService,
  root: string,
  options: RederiveOptions,
): Promise<Rederived> {
  const { days, skipped, damaged } = await comparableDays(inputs, root, options.date);
  const { drawn, faults } = await draw(days, service, options, inputs);
  const rederivation = new Rederivation(inputs, service, root, options);
  try {
    return await rederivation.run(drawn, skipped, [...damaged, ...faults]);
  } finally {
    await rederivation.close();
  }
}

interface ComparableDay extends WrittenDay {
  readonly day: string;
  readonly manifest: DayManifest;
}

/** The days that are made from what is there now, and why the others are left out. */
async function comparableDays(inputs: TrainingInputs, root: string, date: string | undefined) {
  const written = await writtenDays(root);
  const wanted = date === undefined ? written : written.filter((day) => day === date);
  const skipped: string[] = [];
  const damaged: FileFault[] = [];
  if (wanted.length === 0)
    skipped.push(date === undefined ? `no day is written in ${root}` : `${date} is not written in ${root}`);
  const days: ComparableDay[] = [];
  for (const { day, state, why, manifest } of await judgeDays(root, new InputReader(inputs), wanted)) {
    if (manifest !== undefined && (state === "complete" || state === "skeleton"))
      days.push({ day, folder: join(root, unitOf(day)), manifest });
    else if (state === "failed") damaged.push({ day, says: why.join("; ") || "its files are damaged" });
    else skipped.push(`${day} is ${state}${why.length === 0 ? "" : `: ${why.join("; ")}`}`);
  }
  return { days, skipped, damaged };
}

/** The groups of the drawn rows, by day, each once; and what is wrong with the files of days that rows were drawn of. */
async function draw(
  days: readonly ComparableDay[],
  service: ResolvedService,
  options: RederiveOptions,
  { session }: TrainingInputs,
) {
  const identity = identityOf(service);
  const keys = service.columns.filter(({ kind }) => kind === "key").map(({ name }) => name);
  const drawn = new Map<ComparableDay, readonly Group[]>();
  const faults: FileFault[] = [];
  for (const { day, places } of placesOf(days, options)) {
    const fault = await faultOfContents(day, session);
    const disorder = fault === undefined ? await faultOfOrder(day, identity, keys, session) : undefined;
    for (const says of [fault, disorder]) if (says !== undefined) faults.push({ day: day.day, says });
    if (fault === undefined) drawn.set(day, await groupsAt(day, places, identity, session));
  }
  return { drawn, faults };
}

/** Drawn rows by their places in their day; of days without a row, which have none to be drawn, some all the same. */
function placesOf(days: readonly ComparableDay[], { rows, seed }: RederiveOptions) {
  const total = days.reduce((sum, { manifest }) => sum + manifest.rows, 0);
  const sample = [...new Random(seed, "written rows").sample(total, rows)];
  const looked: { readonly day: ComparableDay; readonly places: readonly number[] }[] = [];
  let [first, empty] = [0, 0];
  for (const day of days) {
    const end = first + day.manifest.rows;
    const places = sample.filter((place) => place >= first && place < end).map((place) => place - first);
    const isEmpty = first === end && empty < rows;
    if (isEmpty) empty += 1;
    if (isEmpty || places.length > 0) looked.push({ day, places });
    first = end;
  }
  return looked;
}

async function groupsAt(
  { day, folder, manifest }: ComparableDay,
  places: readonly number[],
  identity: Identity,
  session: SqlSession,
): Promise<readonly Group[]> {
  const number = dayStartMicros(day) / MICROS_PER_DAY;
  const columns = [...identity.keys.map(({ output }) => output), ...(identity.time ? [identity.time.output] : [])];
  const groups = new Map<string, Group>();
  let first = 0;
  for (const part of manifest.parts) {
    const end = first + part.rows;
    const own = places.filter((place) => place >= first && place < end).map((place) => place - first);
    first = end;
    if (own.length === 0) continue;
    const only = { folder, manifest: { ...manifest, parts: [part] } };
    for (const { values } of await writtenRows(only, columns, `${PLACE} IN (${own.join(", ")})`, session)) {
      const group = groupOfWrittenRow(identity, number, (output) => values.get(output) ?? null);
      groups.set(groupText(group), group);
    }
  }
  return [...groups.values()];
}

function groupText({ day, keys, ticks }: Group): string {
  return JSON.stringify([String(day), keys.map((key) => (key === null ? null : equalityText(key))), String(ticks)]);
}

class Rederivation {
  readonly #inputs: TrainingInputs;
  readonly #options: RederiveOptions;
  readonly #identity: Identity;
  readonly #root: string;
  #reading: Reading | undefined;
  #rows = 0;
  #values = 0;
  readonly #unknown = new Map<string, number>();
  readonly #faults: GroupFault[] = [];

  constructor(inputs: TrainingInputs, service: ResolvedService, root: string, options: RederiveOptions) {
    this.#inputs = inputs;
    this.#root = root;
    this.#options = options;
    this.#identity = identityOf(service);
  }

  async run(
    written: ReadonlyMap<ComparableDay, readonly Group[]>,
    skipped: readonly string[],
    files: readonly FileFault[],
  ): Promise<Rederived> {
    const interpreter = await this.#open();
    const drawn = new Map<ComparableDay, readonly Group[]>();
    for (const [day, groups] of written) drawn.set(day, await this.#withSpineRows(interpreter, day, groups));
    const total = [...drawn.values()].reduce((sum, groups) => sum + groups.length, 0);
    let done = 0;
    for (const [day, groups] of drawn)
      for (let first = 0; first < groups.length; first += TOGETHER) {
        this.#options.signal?.throwIfAborted();
        const together = groups.slice(first, first + TOGETHER);
        await this.#compare(interpreter, day, together);
        done += together.length;
        this.#options.onProgress(done, total);
      }
    const unknown = [...this.#unknown].map(([says, values]) => `${values} values are not compared: ${says}`);
    return {
      rows: this.#rows,
      values: this.#values,
      days: [...drawn.keys()].map(({ day }) => day),
      skipped: [...skipped, ...unknown],
      faults: this.#faults,
      files,
    };
  }

  /** The groups, and those of as many rows of the spine's day: a row that is missing in the files is not among theirs. */
  async #withSpineRows(
    interpreter: Interpreter,
    { day }: ComparableDay,
    groups: readonly Group[],
  ): Promise<readonly Group[]> {
    const { keys, instant } = this.#identity;
    const rows = await interpreter.spine.someRowsWhere(
      dayCondition(this.#identity, dayStartMicros(day) / MICROS_PER_DAY),
      [instant.column, ...keys.map(({ spine }) => spine)],
      this.#options.seed,
      groups.length === 0 ? OF_EMPTY_DAY : groups.length,
    );
    const all = new Map(
      [...groups, ...rows.map((row) => groupOfSpineRow(this.#identity, row))].map((group) => [groupText(group), group]),
    );
    return [...all.values()];
  }

  async close(): Promise<void> {
    await this.#reading?.close();
  }

  async #open(): Promise<Interpreter> {
    const { pipeline, sources, session, stores, udfs } = this.#inputs;
    const map = join(this.#root, QID_MAP_FILE);
    const there = await access(map).then(
      () => true,
      () => false,
    );
    this.#reading = new Reading({
      pipeline,
      sources,
      session,
      stores,
      udfs,
      places: false,
      ...(there ? { qidMap: map } : {}),
    });
    return new Interpreter(this.#reading);
  }

  /** Many groups at once; where that takes too many rows, fewer. */
  async #compare(interpreter: Interpreter, day: ComparableDay, groups: readonly Group[]): Promise<void> {
    try {
      await this.#compareAtOnce(interpreter, day, groups);
    } catch (error) {
      if (!(error instanceof TooManyRows)) throw error;
      if (groups.length === 1) {
        this.#count(error.message, 1);
        return;
      }
      const half = Math.ceil(groups.length / 2);
      await this.#compare(interpreter, day, groups.slice(0, half));
      await this.#compare(interpreter, day, groups.slice(half));
    }
  }

  async #compareAtOnce(interpreter: Interpreter, day: ComparableDay, groups: readonly Group[]): Promise<void> {
    const identity = this.#identity;
    const { pipeline, session } = this.#inputs;
    const { columns } = this.#options;
    const anyOf = (conditions: readonly string[]) => conditions.map((condition) => `(${condition})`).join(" OR ");
    const spine = await interpreter.spine.rowsWhere(anyOf(groups.map((group) => spineCondition(identity, group))));
    if (spine.length > MOST_COMPARED)
      throw new TooManyRows(`more than ${MOST_COMPARED} rows have the same keys and time in the contract`);
    const written = await writtenRows(
      day,
      pipeline.output.map(({ name }) => name),
      anyOf(groups.map((group) => writtenCondition(identity, group))),
      session,
    );
    const names = columns.map(({ name }) => name);
    if (this.#reading !== undefined) this.#reading.enriched = day.manifest.state === "complete";
    const interpreted = await interpreter.interpret(spine, names);
    const number = dayStartMicros(day.day) / MICROS_PER_DAY;
    const textOfSpine = (row: Row) => groupText(groupOfSpineRow(identity, row));
    const textOfWritten = ({ values }: WrittenRow) =>
      groupText(groupOfWrittenRow(identity, number, (output) => values.get(output) ?? null));
    for (const group of groups) {
      const text = groupText(group);
      const own = written.filter((row) => textOfWritten(row) === text);
      const derived = interpreted.filter(({ row }) => textOfSpine(row) === text);
      const compared = compareGroup(derived, own, columns);
      this.#rows += own.length;
      this.#values += own.length * columns.length;
      for (const { output } of derived)
        for (const { fault } of output.values()) if (fault?.kind === "unknown") this.#count(fault.says, 1);
      if (compared.surplus.length > 0 || compared.rows.some(({ outcome }) => outcome !== "same"))
        this.#faults.push({ day: isoDate(group.day), group, compared });
    }
  }

  #count(says: string, values: number): void {
    this.#unknown.set(says, (this.#unknown.get(says) ?? 0) + values);
  }
}
