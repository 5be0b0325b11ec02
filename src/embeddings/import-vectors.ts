import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import type { Table } from "apache-arrow";
import { embeddingProblem } from "../errors/embedding.js";
import { DaedalusError } from "../errors/problem.js";
import {
  isTableFolder,
  LanceStore,
  refuseNoFolder,
  type StoreDefinition,
  type StoreKeys,
  storeIdentity,
} from "./lance-store.js";
import { distinctKeys } from "./vector-pool.js";

/** LanceDB's own copy of Arrow: of a table of another one it drops the vectors without a word. */
const arrow = createRequire(import.meta.url)("apache-arrow") as typeof import("apache-arrow");

/** Rows to bring into a store, each id once. */
export interface NewVectors {
  readonly type: StoreKeys["type"];
  readonly batches: readonly {
    readonly keys: BigInt64Array | readonly string[];
    /** `dim` floats a row. */
    readonly vectors: Float32Array;
  }[];
}

export interface ImportedVectors {
  /** Of the new version. */
  readonly version: number;
  readonly inserted: number;
  readonly replaced: number;
}

/**
 * Brings vectors into a store, in one version: those of ids that it has are replaced, the others are added; a store that is not
 * there is made. Throws DaedalusError `embedding/…`, exit code 1, if the store is not as it is defined (2: if it cannot be made).
 */
export async function importVectors(store: StoreDefinition, rows: NewVectors): Promise<ImportedVectors> {
  refuseNoFolder(store);
  const { connect } = await import("@lancedb/lancedb");
  const { directory, key } = store;
  const table = arrowTable(store, rows);
  if ((await storeIdentity(store, directory)) === undefined) {
    const name = basename(directory);
    if (!isTableFolder(name))
      throw new DaedalusError([embeddingProblem("new-store-name", { store: store.name, uri: store.uri })], 2);
    const database = await connect(dirname(directory));
    const made = await database.createTable(name.slice(0, -".lance".length), table);
    const imported = { version: await made.version(), inserted: await made.countRows(), replaced: 0 };
    made.close();
    return whole(imported, table);
  }
  const open = await LanceStore.open(store);
  try {
    const { name, uri } = store;
    if (open.keysAre !== rows.type) {
      const [dtype, type] = [rows.type, open.keysAre].map((kind) => (kind === "text" ? "text" : "integers"));
      const problem = { store: name, column: key, dtype: dtype ?? "", key, type: type ?? "" };
      throw new DaedalusError([embeddingProblem("ids-type-differs", problem)], 1);
    }
    const found = open.columns.filter((column) => column.name !== key && column.name !== store.vector);
    if (found.length > 0) {
      const columns = found.map((column) => column.name);
      throw new DaedalusError([embeddingProblem("more-columns", { store: name, uri, columns })], 1);
    }
    // A merge would write to both rows of an id that is there twice.
    await distinctKeys(open);
    return whole(await open.replace(table), table);
  } finally {
    open.close();
  }
}

function whole(imported: ImportedVectors, { numRows }: Table): ImportedVectors {
  const { inserted, replaced } = imported;
  if (inserted + replaced !== numRows) throw new Error(`of ${numRows} vectors LanceDB took ${inserted + replaced}`);
  return imported;
}

function arrowTable({ key, vector, dim }: StoreDefinition, { type, batches }: NewVectors): Table {
  const { Field, FixedSizeList, Float32, Int64, RecordBatch, Schema, Struct, Utf8, makeData, vectorFromArray } = arrow;
  const list = new FixedSizeList(dim, new Field("item", new Float32(), true));
  const ids = type === "text" ? new Utf8() : new Int64();
  const schema = new Schema([new Field(key, ids, true), new Field(vector, list, true)]);
  const made = batches.map(({ keys, vectors }) => {
    const length = keys.length;
    const id =
      keys instanceof BigInt64Array
        ? makeData({ type: new Int64(), length, nullCount: 0, data: keys })
        : vectorFromArray(
            keys.map((text) => Buffer.from(text, "latin1").toString("utf8")),
            new Utf8(),
          ).data[0];
    if (id === undefined) throw new RangeError("no ids");
    const child = makeData({ type: new Float32(), length: vectors.length, nullCount: 0, data: vectors });
    const data = makeData({ type: list, length, nullCount: 0, child });
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length, nullCount: 0, children: [id, data] }),
    );
  });
  return new arrow.Table(schema, made);
}
