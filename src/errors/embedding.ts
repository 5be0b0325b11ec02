import { family } from "./catalogue.js";

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

/** What is wrong with an embedding store, or with what is brought into one; see `catalogue.ts`. */
export const embeddingProblem = family("embedding", {
  "store-missing": (p: { store: string; uri: string }) => ({
    says: `embedding store "${p.store}": there is no Lance dataset at ${p.uri}`,
    help: `bring vectors into it with "daeda embeddings import <parquet> --store ${p.store}", or correct embedding_stores.${p.store}.uri in aggregations.yaml`,
  }),
  "no-folder": (p: { store: string; uri: string }) => ({
    says: `embedding store "${p.store}": ${p.uri} is a file, and a Lance dataset is a folder`,
    help: `correct embedding_stores.${p.store}.uri in aggregations.yaml`,
  }),
  "store-unreadable": (p: { store: string; uri: string; cause: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}) cannot be read: ${p.cause}`,
    help: "the dataset is damaged or vanished while it was read; put it back, or import its vectors anew",
  }),
  "remote-store": (p: { store: string; uri: string }) => ({
    says: `embedding store "${p.store}" lies at ${p.uri}; this version reads Lance datasets of this machine only`,
    help: "copy the dataset to a folder that every worker sees, and name that in embedding_stores",
  }),
  "no-column": (p: {
    store: string;
    uri: string;
    column: string;
    nearest: string | undefined;
    columns: readonly string[];
  }) => ({
    says: `embedding store "${p.store}" (${p.uri}) has no column "${p.column}"`,
    help:
      p.nearest === undefined
        ? `it has ${p.columns.join(", ")}; correct key and vector of embedding_stores.${p.store} in aggregations.yaml`
        : `did you mean "${p.nearest}"?`,
  }),
  "key-type": (p: { store: string; uri: string; column: string; type: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}): the ids in "${p.column}" are ${p.type}`,
    help: "ids are integers of at most 64 bits with a sign, or text",
  }),
  "vector-type": (p: { store: string; uri: string; column: string; type: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}): "${p.column}" is ${p.type}, not vectors of float32`,
    help: "write the vectors as fixed-size lists of float32: rounding them here would be a guess",
  }),
  "vector-length": (p: { store: string; uri: string; column: string; dim: number; found: number; where: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}): "${p.column}" has ${p.found} floats${p.where}, embedding_stores says dim: ${p.dim}`,
    help: `correct embedding_stores.${p.store}.dim in aggregations.yaml, or import vectors of that length`,
  }),
  "null-element": (p: { store: string; uri: string; column: string; id: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}): a vector in "${p.column}" (id ${p.id}) has an element that is NULL`,
    help: "a vector is there with all its floats, or NULL as a whole",
  }),
  "duplicate-id": (p: { store: string; uri: string; id: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}) has id ${p.id} twice`,
    help: `leave one row of each id; "daeda embeddings import" replaces vectors by their id`,
  }),
  "ids-type-differs": (p: { store: string; column: string; dtype: string; key: string; type: string }) => ({
    says: `"${p.column}" is ${p.dtype}, but the ids of embedding store "${p.store}" ("${p.key}") are ${p.type}`,
    help: "both must be integers, or both text",
  }),
  "new-store-name": (p: { store: string; uri: string }) => ({
    says: `embedding store "${p.store}" cannot be made at ${p.uri}`,
    help: "the name of a new dataset has letters, digits, _, - and . and ends in .lance; one that is there may be called otherwise",
  }),
  "more-columns": (p: { store: string; uri: string; columns: readonly string[] }) => ({
    says: `embedding store "${p.store}" (${p.uri}) has more columns (${p.columns.join(", ")}), which an import would empty`,
    help: "bring the vectors in with the program that wrote these columns",
  }),
  "file-missing": (p: { path: string }) => ({
    says: `there is no Parquet file at ${p.path}`,
    help: "give a Parquet file, or a glob of some, relative to the current folder",
  }),
  "file-unreadable": (p: { path: string; cause: string }) => ({
    says: `${p.path} cannot be read as Parquet: ${p.cause}`,
    help: "vectors are imported from Parquet files with a column of ids and one of vectors",
  }),
  "file-column": (p: { path: string; column: string; nearest: string | undefined; columns: readonly string[] }) => ({
    says: `${p.path} has no column "${p.column}"`,
    help:
      p.nearest === undefined
        ? `it has ${p.columns.join(", ")}; name the columns as key and vector of the store do`
        : `did you mean "${p.nearest}"? The file's columns are called as key and vector of the store`,
  }),
  "file-type": (p: { path: string; column: string; type: string; wanted: string }) => ({
    says: `${p.path}: "${p.column}" is ${p.type}`,
    help: `it must be ${p.wanted}`,
  }),
  "file-row": (p: { path: string; row: number; id: string; what: string }) => ({
    says: `${p.path}, row ${p.row} (id ${p.id}): ${p.what}`,
    help: "mend the file; nothing of it was imported",
  }),
  "unknown-store": (p: { name: string; nearest: string | undefined; known: readonly string[] }) => ({
    says: `aggregations.yaml has no embedding store "${p.name}"`,
    help:
      p.nearest !== undefined
        ? `did you mean "${p.nearest}"?`
        : p.known.length === 0
          ? "declare it under embedding_stores"
          : `it has ${p.known.join(", ")}`,
  }),
  "store-too-large": (p: { store: string; uri: string; rows: number; dim: number; bytes: number; most: number }) => ({
    says: `embedding store "${p.store}" (${p.uri}) has ${p.rows} vectors of ${p.dim} floats, ${gigabytes(p.bytes)} GB; this version holds at most ${gigabytes(p.most)} GB of vectors in memory`,
    help: "name a store with fewer vectors, or shorter ones",
  }),
  "vector-too-long": (p: { store: string; dim: number; most: number }) => ({
    says: `embedding store "${p.store}": vectors of ${p.dim} floats are longer than ${p.most}`,
    help: "name a store with shorter vectors",
  }),
  "store-changed": (p: { store: string; uri: string }) => ({
    says: `embedding store "${p.store}" (${p.uri}) keeps changing while it is read`,
    help: "run again when whoever writes it has finished",
  }),
});
