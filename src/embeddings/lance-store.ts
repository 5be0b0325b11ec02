import { statSync } from "node:fs";
import { lstat, mkdtemp, readdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Table as LanceTable } from "@lancedb/lancedb";
import type { Data, DataType, Float32, Schema, Table } from "apache-arrow";
import type { EmbeddingStore } from "../definitions/aggregations.js";
import { embeddingProblem } from "../errors/embedding.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";
import type { FileIdentity } from "../sources/source.js";

/** Where vectors are looked up, as `embedding_stores` says. */
export interface StoreDefinition {
  readonly name: string;
  /** As it is written, for messages. */
  readonly uri: string;
  /** Absolute. */
  readonly directory: string;
  readonly key: string;
  readonly vector: string;
  readonly dim: number;
}

/** A store of `embedding_stores`; its address is relative to the project's folder. */
export function locatedStore(
  name: string,
  { uri, key, vector, dim }: EmbeddingStore,
  project: string,
): StoreDefinition {
  return { name, uri, directory: resolve(project, uri), key, vector, dim: Number(dim) };
}

/** Ids of rows, in the order of the store; NULL ids are left out. */
export type StoreKeys =
  | { readonly type: "integer"; readonly keys: readonly BigInt64Array[] }
  | { readonly type: "text"; readonly keys: readonly (readonly string[])[] };

/** Rows of the store that have an id and a vector. */
export interface VectorBatch {
  readonly keys: BigInt64Array | readonly string[];
  /** `dim` floats a row, one after the other. */
  readonly vectors: Float32Array;
}

const VERSIONS = "_versions";
/** `<number>.manifest`; of the newer naming (20 digits, 2^64 − 1 − version) the smallest is the latest, else the largest. */
const MANIFEST = /^(\d+)\.manifest$/;

/**
 * What the store holds now: its latest manifest, which names all its files. Undefined if there is no dataset. `base`: paths
 * are told relative to it.
 */
export async function storeIdentity(
  { directory }: StoreDefinition,
  base: string,
): Promise<readonly FileIdentity[] | undefined> {
  const names = await readdir(join(directory, VERSIONS)).catch(nothingIfAbsent);
  if (names === undefined) return undefined;
  const numbers = names.flatMap((name) => MANIFEST.exec(name)?.[1] ?? []);
  const latest = numbers.reduce<string | undefined>((best, number) => {
    if (best === undefined) return number;
    if (best.length !== 20 && number.length === 20) return number;
    if (best.length === 20 && number.length !== 20) return best;
    const isLater = best.length === 20 ? BigInt(number) < BigInt(best) : BigInt(number) > BigInt(best);
    return isLater ? number : best;
  }, undefined);
  if (latest === undefined) return undefined;
  const path = join(directory, VERSIONS, `${latest}.manifest`);
  const found = await stat(path, { bigint: true }).catch(nothingIfAbsent);
  if (found === undefined) return undefined;
  const within = relative(base, path);
  return [{ path: within.startsWith("..") ? path : within, size: Number(found.size), modified: String(found.mtimeNs) }];
}

function nothingIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

/** Throws DaedalusError `embedding/remote-store`, exit code 2; `embedding/no-folder` where a file lies in its place. */
export function refuseNoFolder({ name: store, uri, directory }: StoreDefinition): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new DaedalusError([embeddingProblem("no-folder", { store, uri })], 2);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(uri))
    throw new DaedalusError([embeddingProblem("remote-store", { store, uri })], 2);
}

/** A Lance dataset, at the version that it had when it was opened. Close it. */
export class LanceStore {
  readonly definition: StoreDefinition;
  readonly #table: LanceTable;
  readonly #schema: Schema;
  /** Holds a link to the dataset, where its folder has another name than LanceDB wants. */
  readonly #links: string | undefined;

  private constructor(definition: StoreDefinition, table: LanceTable, schema: Schema, links: string | undefined) {
    this.definition = definition;
    this.#table = table;
    this.#schema = schema;
    this.#links = links;
  }

  /** `version`: not the latest. Throws DaedalusError `embedding/…`, exit code 1: no dataset, or not with these columns. */
  static async open(definition: StoreDefinition, version?: number): Promise<LanceStore> {
    const { name: store, uri, directory } = definition;
    refuseNoFolder(definition);
    let links: string | undefined;
    try {
      if ((await lstat(join(directory, VERSIONS)).catch(nothingIfAbsent)) === undefined)
        throw new DaedalusError([embeddingProblem("store-missing", { store, uri })], 1);
      // Loaded only here: what has no embeddings starts without it.
      const { connect } = await import("@lancedb/lancedb");
      let [parent, name] = [dirname(directory), basename(directory)];
      if (!isTableFolder(name)) {
        links = await mkdtemp(join(tmpdir(), "daedalus-lance-"));
        await symlink(directory, join(links, `store${SUFFIX}`));
        [parent, name] = [links, `store${SUFFIX}`];
      }
      const table = await (await connect(parent)).openTable(name.slice(0, -SUFFIX.length));
      await table.checkout(version ?? (await table.version()));
      const opened = new LanceStore(definition, table, await table.schema(), links);
      opened.#refuseOtherTypes();
      return opened;
    } catch (error) {
      if (links !== undefined) await rm(links, { recursive: true, force: true });
      throw unreadable(definition, error);
    }
  }

  close(): void {
    this.#table.close();
    if (this.#links !== undefined) void rm(this.#links, { recursive: true, force: true });
  }

  /** Of all columns the name and the Arrow type. */
  get columns(): readonly { readonly name: string; readonly type: string }[] {
    return this.#schema.fields.map(({ name, type }) => ({ name, type: String(type) }));
  }

  get keysAre(): StoreKeys["type"] {
    return isText(this.#typeOf(this.definition.key)) ? "text" : "integer";
  }

  /** Replaces rows by their id and adds the others, in one version. */
  async replace(rows: Table): Promise<{ version: number; inserted: number; replaced: number }> {
    return this.#told(async (table) => {
      await table.checkoutLatest();
      const { version, numInsertedRows, numUpdatedRows } = await table
        .mergeInsert(this.definition.key)
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute(rows);
      return { version, inserted: numInsertedRows, replaced: numUpdatedRows };
    });
  }

  version(): Promise<number> {
    return this.#told((table) => table.version());
  }

  countRows(): Promise<number> {
    return this.#told((table) => table.countRows());
  }

  /** Rows whose vector is NULL: their ids are absent. */
  countAbsent(): Promise<number> {
    return this.#told((table) => table.countRows(`${quoted(this.definition.vector)} IS NULL`));
  }

  /** What the table answers. Throws `embedding/store-unreadable`. */
  async #told<Answer>(ask: (table: LanceTable) => Promise<Answer>): Promise<Answer> {
    try {
      return await ask(this.#table);
    } catch (error) {
      throw unreadable(this.definition, error);
    }
  }

  /** The ids; `present`: only those that have a vector. */
  async keys({ present }: { readonly present: boolean }): Promise<StoreKeys> {
    const { key, vector } = this.definition;
    const query = this.#table.query().select([key]);
    if (present) query.where(`${quoted(vector)} IS NOT NULL`);
    const integers: BigInt64Array[] = [];
    const texts: string[][] = [];
    try {
      for await (const batch of query) {
        const data = batch.getChild(key)?.data[0];
        const keys = data === undefined ? [] : keysOf(data);
        if (keys instanceof BigInt64Array) integers.push(keys);
        else texts.push(keys);
      }
    } catch (error) {
      throw unreadable(this.definition, error);
    }
    return this.keysAre === "text" ? { type: "text", keys: texts } : { type: "integer", keys: integers };
  }

  /** All vectors with their ids, batch by batch. Throws `embedding/vector-length`, `null-element`, `store-unreadable`. */
  async *vectors(): AsyncGenerator<VectorBatch> {
    const { key, vector } = this.definition;
    const query = this.#table
      .query()
      .select([key, vector])
      .where(`${quoted(vector)} IS NOT NULL AND ${quoted(key)} IS NOT NULL`);
    try {
      for await (const batch of query) {
        const [keys, vectors] = [batch.getChild(key)?.data[0], batch.getChild(vector)?.data[0]];
        if (keys === undefined || vectors === undefined) continue;
        const ids = keysOf(keys);
        yield { keys: ids, vectors: this.#floatsOf(vectors, ids) };
      }
    } catch (error) {
      throw unreadable(this.definition, error);
    }
  }

  /** The ids that have a vector, each with Lance's number of its row. */
  async *keyRows(): AsyncGenerator<{
    readonly keys: BigInt64Array | readonly string[];
    readonly rows: BigUint64Array;
  }> {
    const { key, vector } = this.definition;
    const query = this.#table
      .query()
      .select([key])
      .where(`${quoted(vector)} IS NOT NULL AND ${quoted(key)} IS NOT NULL`)
      .withRowId();
    try {
      for await (const batch of query) {
        const [keys, rows] = [batch.getChild(key)?.data[0], batch.getChild(ROW_ID)?.data[0]];
        if (keys !== undefined && rows !== undefined) yield { keys: keysOf(keys), rows: rows.values as BigUint64Array };
      }
    } catch (error) {
      throw unreadable(this.definition, error);
    }
  }

  /** The vectors of rows, with their numbers, in any order. Throws as `vectors` does. */
  async *take(
    wanted: readonly bigint[],
  ): AsyncGenerator<{ readonly rows: BigUint64Array; readonly vectors: Float32Array }> {
    const { key, vector } = this.definition;
    try {
      for await (const batch of this.#table.takeRowIds(wanted).select([key, vector]).withRowId()) {
        const [keys, vectors, rows] = [key, vector, ROW_ID].map((name) => batch.getChild(name)?.data[0]);
        if (keys === undefined || vectors === undefined || rows === undefined) continue;
        yield { rows: rows.values as BigUint64Array, vectors: this.#floatsOf(vectors, keysOf(keys)) };
      }
    } catch (error) {
      throw unreadable(this.definition, error);
    }
  }

  #typeOf(column: string): DataType {
    const { name: store, uri } = this.definition;
    const field = this.#schema.fields.find(({ name }) => name === column);
    if (field !== undefined) return field.type;
    const columns = this.#schema.fields.map(({ name }) => name);
    const problem = embeddingProblem("no-column", { store, uri, column, nearest: nearest(column, columns), columns });
    throw new DaedalusError([problem], 1);
  }

  #refuseOtherTypes(): void {
    const { name: store, uri, key, vector, dim } = this.definition;
    const type = this.#typeOf(key);
    if (!isText(type) && !/^(?:Int(?:8|16|32|64)|Uint(?:8|16|32))$/.test(String(type)))
      throw new DaedalusError([embeddingProblem("key-type", { store, uri, column: key, type: String(type) })], 1);
    const own = this.#typeOf(vector);
    const list = /^(FixedSizeList\[(\d+)\]|List|LargeList)<Float32>$/.exec(String(own));
    if (list === null)
      throw new DaedalusError([embeddingProblem("vector-type", { store, uri, column: vector, type: String(own) })], 1);
    if (list[2] !== undefined && Number(list[2]) !== dim) throw this.#wrongLength(Number(list[2]), "");
  }

  #wrongLength(found: number, where: string): DaedalusError {
    const { name: store, uri, vector: column, dim } = this.definition;
    return new DaedalusError([embeddingProblem("vector-length", { store, uri, column, dim, found, where })], 1);
  }

  #floatsOf(data: Data, keys: BigInt64Array | readonly string[]): Float32Array {
    const { dim, name: store, uri, vector: column } = this.definition;
    const child = data.children[0] as Data<Float32>;
    const rows = data.length;
    let first = data.offset * dim;
    const offsets = data.valueOffsets as Int32Array | BigInt64Array | undefined;
    if (offsets !== undefined) {
      for (let row = 0; row < rows; row++) {
        const length = Number(offsets[row + 1]) - Number(offsets[row]);
        if (length !== dim) throw this.#wrongLength(length, ` (id ${keys[row]})`);
      }
      first = Number(offsets[0]);
    }
    if (child.nullCount > 0)
      for (let element = 0; element < rows * dim; element++)
        if (!child.getValid(first + element)) {
          const id = String(keys[Math.floor(element / dim)]);
          throw new DaedalusError([embeddingProblem("null-element", { store, uri, column, id })], 1);
        }
    return child.values.subarray(first, first + rows * dim);
  }
}

const SUFFIX = ".lance";

/** Whether LanceDB takes the folder's name for a table's; under another name it panics, so such a folder is read by a link. */
export function isTableFolder(name: string): boolean {
  return /^[A-Za-z0-9_.-]+\.lance$/.test(name);
}
const ROW_ID = "_rowid";

function isText(type: DataType): boolean {
  return /^(?:Large)?Utf8$/.test(String(type));
}

/** Ids that are not NULL; integers as int64, whatever their width. */
function keysOf(data: Data): BigInt64Array | string[] {
  const rows = data.length;
  const { nullCount } = data;
  if (isText(data.type)) {
    const bytes = data.values as Uint8Array;
    const offsets = data.valueOffsets as Int32Array | BigInt64Array;
    const texts: string[] = [];
    for (let row = 0; row < rows; row++)
      if (nullCount === 0 || data.getValid(row)) {
        const [from, to] = [Number(offsets[row]), Number(offsets[row + 1])];
        texts.push(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1"));
      }
    return texts;
  }
  const values = data.values as Int32Array | BigInt64Array;
  const long = values instanceof BigInt64Array ? values.subarray(0, rows) : undefined;
  if (nullCount === 0)
    return long ?? BigInt64Array.from(values.subarray(0, rows) as Int32Array, (value) => BigInt(value));
  const kept: bigint[] = [];
  for (let row = 0; row < rows; row++) if (data.getValid(row)) kept.push(BigInt(values[row] as number | bigint));
  return BigInt64Array.from(kept);
}

/** A name in a filter of Lance, whatever characters it has. */
function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function unreadable(definition: StoreDefinition, error: unknown): unknown {
  if (error instanceof DaedalusError) return error;
  const { name: store, uri } = definition;
  const message = error instanceof Error ? error.message : String(error);
  // LanceDB adds where in its own sources the error arose.
  const cause = message.split(/\n|\s+Caused by:|, \/\S+\.rs:/)[0] ?? message;
  return new DaedalusError([embeddingProblem("store-unreadable", { store, uri, cause })], 1, { cause: error });
}
