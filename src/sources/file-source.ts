import { type Day, dayOfMicros, dayStartMicros, hasDay, MICROS_PER_DAY } from "../columnar/instants.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { sourceProblem } from "../errors/source.js";
import { withoutSecrets } from "./address.js";
import { misfitProblem, misreadFile, rowPlace } from "./file-diagnosis.js";
import { columnsOf, keysOf, relationsOf } from "./file-relations.js";
import { installReading } from "./install.js";
import { type DataFile, type Listing, listFiles, refreshed } from "./listing.js";
import { folderRange, footerOf, type RowGroupTimes, rangeOf, rowGroupTimes, versionOf } from "./parquet-footer.js";
import {
  castRelation,
  emptyRelation,
  firstBadInstant,
  firstFileWithBadInstant,
  firstMisfit,
  instantRanges,
  type RawRelation,
  rowsByDay,
} from "./raw-relation.js";
import type {
  FileIdentity,
  ScanRequest,
  Source,
  SourceColumn,
  SourceIdentity,
  SourceRelation,
  SourceSchema,
  SourceTime,
} from "./source.js";
import { columnOf, unify } from "./types.js";

type MicrosRange = readonly [min: bigint, max: bigint];

/** Ranges of files that have no footer, by version of the file and time column: one scan each. */
const scannedRanges = new Map<string, MicrosRange | "empty">();

/** Parquet, CSV and NDJSON files of this machine; each read by its ending. */
export class FileSource implements Source {
  readonly address: string;

  constructor(
    private readonly directory: string,
    private readonly path: string,
    private readonly view: FeatureView,
    private readonly session: SqlSession,
    private readonly pinned?: Listing,
  ) {
    this.address = withoutSecrets(path);
  }

  async schema(): Promise<SourceSchema> {
    await installReading(this.session);
    const { files, ignoredFiles } = this.#listing();
    const found = new Map<string, { type: string; file: string; text: boolean; types: Map<string, string> }>();
    const cut = new Set<string>();
    const renamed = new Map<string, string>();
    const nulls = new Map<string, string>();
    let open = false;
    const needed = this.#namedColumns();
    for (const file of files) {
      const columns = await columnsOf(this.session, file);
      open ||= columns.open;
      for (const name of columns.cut) cut.add(name);
      for (const name of columns.nulls) nulls.set(name, file.shown);
      for (const [name, own] of columns.renamed) renamed.set(name, own);
      for (const [name, type] of columns.types) {
        const text = file.format !== "parquet" || file.partitions.has(name);
        const before = found.get(name);
        if (before === undefined || (before.text && !text))
          found.set(name, { type, file: file.shown, text, types: new Map([[type, file.shown]]) });
        else if (!text) {
          const unified = unify(before.type, type);
          if (unified !== undefined) before.type = unified;
          else if (needed.has(name)) throw refuse(conflict(name, type, file.shown, before));
          else before.types.set(type, file.shown);
        }
      }
    }
    // Any type would do where no file has a value.
    for (const [name, file] of nulls)
      if (!found.has(name))
        found.set(name, { type: "INTEGER", file, text: false, types: new Map([["INTEGER", file]]) });
    const ownName = (name: string): { readonly renamed?: string } => {
      const own = renamed.get(name);
      return own === undefined ? {} : { renamed: own };
    };
    return {
      columns: [...found].map(
        ([name, { type, text, types }]): SourceColumn =>
          types.size > 1
            ? { name, type: typesText(types), text, mixed: [...types.keys()] }
            : {
                ...columnOf(name, type, text),
                ...(cut.has(name) ? { cut: true } : {}),
                ...ownName(name),
              },
      ),
      ignoredFiles,
      ...(open ? { open } : {}),
    };
  }

  async everyColumn(): Promise<readonly SourceColumn[]> {
    const { columns, open } = await this.schema();
    if (open !== true) return columns;
    const { files } = this.#listing();
    const known = new Set(columns.map(({ name }) => name));
    const lines = files.filter(({ format, size }) => format === "ndjson" && size > 0);
    const keys = await keysOf(this.session, lines).catch(async (error: unknown) => {
      throw await this.#explained(error, lines);
    });
    return [...columns, ...keys.filter((key) => !known.has(key)).map((key) => columnOf(key, "VARCHAR", true))];
  }

  /** What a query over whole files failed of, by the first of them that cannot be read. */
  async #explained(error: unknown, files: readonly DataFile[]): Promise<unknown> {
    if (isOutOfMemory(error)) return error;
    for (const file of files) {
      const problem = await misreadFile(this.session, file, [], this.directory);
      if (problem !== undefined) return new DaedalusError([problem], 1, { cause: error });
    }
    return error;
  }

  async scan(request: ScanRequest): Promise<SourceRelation> {
    await installReading(this.session);
    const { files } = this.#listing();
    await this.#mustExist(files, request);
    const read = request.range ? await this.#within(files, request.range) : files;
    const relations = await this.#relations(read, sourcesOf(request), request.provenance === true);
    return {
      sql:
        relations.length === 0
          ? emptyRelation(request)
          : relations.map((relation) => castRelation(relation, request)).join(" UNION ALL "),
      costly: read.some((file) => file.format !== "parquet"),
    };
  }

  async identity(request: { readonly time?: SourceTime; readonly before?: bigint }): Promise<SourceIdentity> {
    await installReading(this.session);
    const { time, before } = request;
    const { files } = this.#listing();
    const ranges = time ? await this.#ranges(files, time) : new Map<DataFile, MicrosRange>();
    const unknown = files.filter((file) => !ranges.has(file));
    const scanned = time && before !== undefined ? await this.#scannedRanges(unknown, time) : undefined;
    const identities: FileIdentity[] = [];
    for (const file of files) {
      const range = ranges.get(file);
      const first = range ?? scanned?.get(file);
      if (before !== undefined && (first === "empty" || (first !== undefined && first[0] >= before))) continue;
      identities.push({
        path: file.shown,
        size: file.size,
        modified: file.modified.toString(),
        ...(file.format === "parquet" ? { footer: (await footerOf(this.session, file)).sha256 } : {}),
        ...(range ? { range: [range[0].toString(), range[1].toString()] } : {}),
      });
    }
    return { files: identities.sort((a, b) => (a.path < b.path ? -1 : 1)) };
  }

  async diagnose(request: ScanRequest): Promise<Problem | undefined> {
    try {
      await installReading(this.session);
      const { files } = this.#listing();
      const read = request.range ? await this.#within(files, request.range) : files;
      for (const file of read) {
        const problem = await misreadFile(this.session, file, sourcesOf(request), this.directory);
        if (problem) return problem;
      }
      for (const relation of await this.#relations(read, sourcesOf(request), true)) {
        const misfit = await firstMisfit(this.session, relation, request);
        if (misfit) return await misfitProblem(misfit, read);
      }
      return undefined;
    } catch (error) {
      if (error instanceof DaedalusError) return error.problems[0];
      throw error;
    }
  }

  async firstNullInstant(time: SourceTime): Promise<Problem | undefined> {
    await installReading(this.session);
    const { files } = this.#listing();
    const parquet = files.filter((file) => file.format === "parquet");
    const statistics = await rowGroupTimes(this.session, parquet, time);
    const unproven: DataFile[] = [];
    for (const file of files) {
      const groups = file.partitions.has(time.source) ? undefined : statistics.get(file);
      const columns = file.format === "parquet" ? (await footerOf(this.session, file)).columns : undefined;
      const proven =
        columns?.has(time.source) &&
        groups?.every((group) => group.rows === 0 || (group.nulls === 0 && group.range !== undefined));
      if (!proven) unproven.push(file);
    }
    for (const many of await this.#relations(unproven, [time.source], false)) {
      const name = await this.#checked(unproven, time, () => firstFileWithBadInstant(this.session, many, time));
      const file = unproven.find(({ shown }) => shown === name);
      if (!file) continue;
      for (const relation of await this.#relations([file], [time.source], true)) {
        const bad = await firstBadInstant(this.session, relation, time);
        if (bad) return await badInstantProblem(bad, time, file);
      }
    }
    return undefined;
  }

  async rowsByDay(
    time: SourceTime,
    range: { readonly from?: bigint; readonly to?: bigint },
  ): Promise<ReadonlyMap<Day, number>> {
    await installReading(this.session);
    const files = await this.#within(this.#listing().files, { time, ...range });
    const parquet = files.filter((file) => file.format === "parquet");
    const statistics = await rowGroupTimes(this.session, parquet, time);
    const days = new Map<Day, number>();
    const add = (day: Day, rows: number) => days.set(day, (days.get(day) ?? 0) + rows);
    const unsure: DataFile[] = [];
    for (const file of files) {
      const known = file.partitions.has(time.source) ? undefined : rowsOfGroups(statistics.get(file) ?? [], range);
      if (known === undefined) unsure.push(file);
      else for (const [day, rows] of known) add(day, rows);
    }
    const relations = await this.#relations(unsure, [time.source], false);
    const scanned = await this.#checked(unsure, time, () => rowsByDay(this.session, relations, time, range));
    for (const [day, rows] of scanned) add(day, rows);
    return new Map([...days].sort(([a], [b]) => (dayStartMicros(a) < dayStartMicros(b) ? -1 : 1)));
  }

  async pin(): Promise<Source> {
    return new FileSource(this.directory, this.path, this.view, this.session, this.#listing());
  }

  /** The files now; of a pinned source the same files, as they are now. */
  #listing(): Listing {
    if (!this.pinned) return listFiles(this.directory, this.path);
    const files = this.pinned.files.map((file) => {
      const now = refreshed(file);
      if (!now) throw new DaedalusError([sourceProblem("file-vanished", {}, { file: file.shown })], 1);
      return now;
    });
    return { files, ignoredFiles: this.pinned.ignoredFiles };
  }

  /** Source columns that the view's own definition names. */
  #namedColumns(): ReadonlySet<string> {
    const { fields, fieldMapping, source } = this.view;
    const mapped = new Map(Object.entries(fieldMapping).map(([from, to]) => [to, from]));
    return new Set([
      ...fields.map(({ name }) => mapped.get(name) ?? name),
      ...Object.keys(fieldMapping),
      ...[source.timestampField, source.availableField].filter((name) => name !== undefined),
    ]);
  }

  #relations(files: readonly DataFile[], sources: readonly string[], alone: boolean): Promise<readonly RawRelation[]> {
    return relationsOf(this.session, files, sources, { alone, directory: this.directory });
  }

  async #mustExist(files: readonly DataFile[], request: ScanRequest): Promise<void> {
    const missing = new Set(sourcesOf(request));
    const known = new Set<string>();
    for (const file of files) {
      if (missing.size === 0) return;
      const columns = await columnsOf(this.session, file);
      if (columns.open) return;
      for (const name of [...columns.types.keys(), ...columns.nulls]) {
        known.add(name);
        missing.delete(name);
      }
    }
    const [column] = missing;
    if (column !== undefined)
      throw refuse(
        sourceProblem("unknown-column", { address: this.address, column, nearest: nearest(column, [...known]) }),
      );
  }

  /** The files that may hold rows of the range. */
  async #within(files: readonly DataFile[], range: NonNullable<ScanRequest["range"]>): Promise<readonly DataFile[]> {
    const ranges = await this.#ranges(files, range.time);
    return files.filter((file) => {
      const known = ranges.get(file);
      return known === undefined || overlaps(known, range);
    });
  }

  /**
   * The files' own time ranges: of Parquet from the footer, which may say nothing; of other files from a `dt=` folder, which speaks
   * of the view's own time only.
   */
  async #ranges(files: readonly DataFile[], time: SourceTime): Promise<ReadonlyMap<DataFile, MicrosRange>> {
    const isTold = (file: DataFile): boolean => file.format === "parquet" && !file.partitions.has(time.source);
    const parquet = files.filter(isTold);
    const statistics = await rowGroupTimes(this.session, parquet, time);
    const ranges = new Map<DataFile, MicrosRange>();
    const foldered = time.source === this.view.source.timestampField;
    for (const file of files) {
      const range = isTold(file) ? rangeOf(statistics.get(file) ?? []) : foldered ? folderRange(file) : undefined;
      if (range) ranges.set(file, range);
    }
    return ranges;
  }

  /** Ranges of files that tell none themselves; each version of a file is scanned once. */
  async #scannedRanges(
    files: readonly DataFile[],
    time: SourceTime,
  ): Promise<ReadonlyMap<DataFile, MicrosRange | "empty">> {
    const key = (file: DataFile) => `${versionOf(file)}\0${time.source}\0${time.unit}`;
    const missing = files.filter((file) => !scannedRanges.has(key(file)));
    const relations = await this.#relations(missing, [time.source], false);
    const found = await this.#checked(missing, time, () => instantRanges(this.session, relations, time));
    for (const file of missing) scannedRanges.set(key(file), found.get(file.shown) ?? "empty");
    return new Map(files.map((file) => [file, scannedRanges.get(key(file)) ?? "empty"]));
  }

  /** The answer of a query over the time column, or what is wrong with the files. */
  async #checked<T>(files: readonly DataFile[], time: SourceTime, query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      if (error instanceof DaedalusError || isOutOfMemory(error)) throw error;
      for (const file of files) {
        const problem = await misreadFile(this.session, file, [time.source], this.directory);
        if (problem) throw new DaedalusError([problem], 1, { cause: error });
      }
      const request = { columns: [], instants: [{ name: "t", source: time.source, unit: time.unit }] };
      for (const relation of await this.#relations(files, [time.source], true)) {
        const misfit = await firstMisfit(this.session, relation, request);
        if (misfit) throw new DaedalusError([await misfitProblem(misfit, files)], 1, { cause: error });
      }
      throw error;
    }
  }
}

function sourcesOf(request: ScanRequest): readonly string[] {
  return [
    ...new Set([
      ...request.columns.map(({ source }) => source),
      ...request.instants.map(({ source }) => source),
      ...(request.range ? [request.range.time.source] : []),
    ]),
  ];
}

function overlaps(range: MicrosRange, bounds: { readonly from?: bigint; readonly to?: bigint }): boolean {
  return (bounds.from === undefined || range[1] >= bounds.from) && (bounds.to === undefined || range[0] < bounds.to);
}

/** By day, if the statistics of each row group tell that all of its rows are of one day or none is in the range. */
function rowsOfGroups(
  groups: readonly RowGroupTimes[],
  range: { readonly from?: bigint; readonly to?: bigint },
): readonly (readonly [Day, number])[] | undefined {
  if (groups.length === 0) return undefined;
  const days: [Day, number][] = [];
  for (const group of groups) {
    if (group.rows === 0 || group.rows === group.nulls) continue;
    if (!group.range || group.nulls === undefined) return undefined;
    if (!overlaps(group.range, range)) continue;
    const day = singleDay(group.range);
    if (day === undefined || !inside(day, range)) return undefined;
    days.push([day, group.rows - group.nulls]);
  }
  return days;
}

function singleDay(range: MicrosRange): Day | undefined {
  if (!hasDay(range[0]) || !hasDay(range[1])) return undefined;
  const day = dayOfMicros(range[0]);
  return day === dayOfMicros(range[1]) ? day : undefined;
}

function inside(day: Day, bounds: { readonly from?: bigint; readonly to?: bigint }): boolean {
  const start = dayStartMicros(day);
  return (
    (bounds.from === undefined || start >= bounds.from) &&
    (bounds.to === undefined || start + MICROS_PER_DAY <= bounds.to)
  );
}

function typesText(types: ReadonlyMap<string, string>): string {
  return [...types].map(([type, file]) => `${type} in ${file}`).join(", ");
}

function conflict(column: string, type: string, file: string, other: { type: string; file: string }): Problem {
  return sourceProblem("conflicting-types", { column, type, otherType: other.type, otherFile: other.file }, { file });
}

async function badInstantProblem(
  bad: { readonly file: string; readonly row: bigint; readonly value?: string },
  time: SourceTime,
  file: DataFile,
): Promise<Problem> {
  const { where, place } = await rowPlace(file, bad.row);
  return bad.value === undefined
    ? sourceProblem("null-time", { column: time.source, where }, place)
    : sourceProblem("time-does-not-fit", { column: time.source, value: bad.value, where }, place);
}

function refuse(problem: Problem): DaedalusError {
  return new DaedalusError([problem], 2);
}
