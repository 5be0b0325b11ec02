import { resolve } from "node:path";
import type { Project } from "../definitions/project.js";
import { type ImportedVectors, importVectors } from "../embeddings/import-vectors.js";
import {
  LanceStore,
  locatedStore,
  refuseNoFolder,
  type StoreDefinition,
  storeIdentity,
} from "../embeddings/lance-store.js";
import { readVectors } from "../engines/sql/read-vectors.js";
import { SqlSession } from "../engines/sql/session.js";
import { embeddingProblem } from "../errors/embedding.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";

/** What there is of a store. */
export interface StoreState {
  readonly name: string;
  readonly uri: string;
  readonly key: string;
  readonly vector: string;
  readonly dim: number;
  /** Absent: there is no dataset. */
  readonly dataset?: {
    readonly version: number;
    readonly rows: number;
    /** Rows whose vector is NULL. */
    readonly absent: number;
  };
}

export interface ImportReport extends ImportedVectors {
  readonly store: string;
  readonly uri: string;
  /** Rows of the file without an id or a vector. */
  readonly skipped: number;
}

/** Throws DaedalusError `embedding/unknown-store`, exit code 2. */
function storeNamed(project: Project, name: string): StoreDefinition {
  const { embeddingStores } = project.aggregations;
  const store = Object.hasOwn(embeddingStores, name) ? embeddingStores[name] : undefined;
  if (store !== undefined) return locatedStore(name, store, project.directory);
  const known = Object.keys(embeddingStores);
  throw new DaedalusError([embeddingProblem("unknown-store", { name, nearest: nearest(name, known), known })], 2);
}

/**
 * Brings the vectors of Parquet files into a store of the project, in one version; ids that it has are replaced. The file's
 * columns are called as the store's. Throws DaedalusError `embedding/…`: nothing is imported then.
 */
export async function importEmbeddings(project: Project, path: string, name: string): Promise<ImportReport> {
  const store = storeNamed(project, name);
  const session = await SqlSession.open();
  try {
    const { skipped, ...rows } = await readVectors(session, resolve(path), store);
    return { store: name, uri: store.uri, ...(await importVectors(store, rows)), skipped };
  } finally {
    session.close();
  }
}

/** The project's stores as they are now. Throws DaedalusError `embedding/…` of one that is not as it is defined. */
export async function embeddingStores(project: Project): Promise<readonly StoreState[]> {
  const states: StoreState[] = [];
  for (const name of Object.keys(project.aggregations.embeddingStores)) {
    const definition = storeNamed(project, name);
    const { uri, key, vector, dim } = definition;
    refuseNoFolder(definition);
    const told = { name, uri, key, vector, dim };
    if ((await storeIdentity(definition, project.directory)) === undefined) {
      states.push(told);
      continue;
    }
    const store = await LanceStore.open(definition);
    try {
      const [version, rows, absent] = [await store.version(), await store.countRows(), await store.countAbsent()];
      states.push({ ...told, dataset: { version, rows, absent } });
    } finally {
      store.close();
    }
  }
  return states;
}
