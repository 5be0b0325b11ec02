import { rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { nullsChunk, type ParquetChunk } from "../columnar/parquet-chunks.js";
import { type ParquetColumn, ParquetFile, type PlacedChunk } from "../columnar/parquet-file.js";
import { makeFolders, sync } from "../runs/durable.js";
import { passingPath } from "./passing.js";

/**
 * A Parquet file of row groups. Columns that are computed together are a part of it, which is written before the next one begins. It is
 * there when it is whole, and replaces an older one at once.
 */
export class GroupWriter {
  readonly #groups: (PlacedChunk | undefined)[][] = [];
  readonly #parts: GroupsPart[] = [];

  private constructor(
    private readonly file: ParquetFile,
    private readonly partial: string,
    private readonly path: string,
    private readonly columns: readonly ParquetColumn[],
  ) {}

  /** Throws what the file system throws. */
  static async create(path: string, columns: readonly ParquetColumn[]): Promise<GroupWriter> {
    const folder = dirname(path);
    await makeFolders(folder);
    const partial = passingPath(folder, "partial");
    return new GroupWriter(await ParquetFile.create(partial), partial, path, columns);
  }

  /** The columns of these places, of all groups. */
  part(places: readonly number[] = this.columns.map((_, place) => place)): GroupsPart {
    const part = new GroupsPart(async (number, chunks) => {
      const group = this.#groups[number] ?? this.columns.map(() => undefined);
      this.#groups[number] = group;
      // Each column has a chunk of its own, though it be the same as another's: Polars reads no range of a file twice.
      for (const [index, chunk] of chunks.entries())
        group[places[index] as number] = chunk && (await this.file.append(chunk));
    });
    this.#parts.push(part);
    return part;
  }

  /** Columns that are all NULL after all; what was written of them stays in the file unread. */
  async finish(failed: ReadonlySet<number>, metadata: Readonly<Record<string, string>>): Promise<readonly number[]> {
    const groups: PlacedChunk[][] = [];
    for (const chunks of this.#groups) {
      const rows = chunks.find((chunk) => chunk !== undefined)?.rows ?? 0;
      const placed: PlacedChunk[] = [];
      for (const [place, chunk] of chunks.entries())
        placed.push(
          chunk === undefined || failed.has(place) ? await this.file.append(this.#nulls(place, rows)) : chunk,
        );
      groups.push(placed);
    }
    await this.file.finish(this.columns, groups, metadata);
    await rename(this.partial, this.path);
    await sync(dirname(this.path));
    return this.columns.map((_, place) => groups.reduce((sum, chunks) => sum + (chunks[place]?.nulls ?? 0), 0));
  }

  async abandon(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.settled()));
    await this.file.abandon().catch(() => undefined);
    await unlink(this.partial).catch(() => undefined);
  }

  #nulls(place: number, rows: number): ParquetChunk {
    const { type } = this.columns[place] as ParquetColumn;
    return nullsChunk(type === "BOOLEAN" ? "BOOLEAN" : "DOUBLE", rows);
  }
}

type WriteGroup = (number: number, chunks: readonly (ParquetChunk | undefined)[]) => Promise<void>;

/** Columns of row groups that may come in any order; they are written in their own. */
export class GroupsPart {
  readonly #held = new Map<number, readonly (ParquetChunk | undefined)[]>();
  readonly #waiting = new Map<number, () => void>();
  #writing: Promise<void> = Promise.resolve();
  #next = 0;

  constructor(private readonly write: WriteGroup) {}

  /** Of the part's columns in their order; undefined: all NULL. Resolves when it, and all groups before it, are written. */
  async add(number: number, chunks: readonly (ParquetChunk | undefined)[]): Promise<void> {
    this.#held.set(number, chunks);
    const written = new Promise<void>((done) => this.#waiting.set(number, done));
    this.#writing = this.#writing.then(() => this.#writeHeld());
    await this.#writing;
    // One that came before its turn is written by the add of another.
    await written;
  }

  /** Nothing of it is being written any more. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #writeHeld(): Promise<void> {
    for (let chunks = this.#held.get(this.#next); chunks !== undefined; chunks = this.#held.get(this.#next)) {
      const number = this.#next;
      this.#held.delete(number);
      this.#next += 1;
      await this.write(number, chunks);
      this.#waiting.get(number)?.();
      this.#waiting.delete(number);
    }
  }
}
