import { LanceStore, type StoreDefinition } from "../embeddings/lance-store.js";
import type { Value } from "./values.js";

/** A store as the interpreter reads it: its ids at once, vectors of a few of them by going through all. */
export class StoreReading {
  readonly #definition: StoreDefinition;
  #ids: Promise<ReadonlySet<bigint | string>> | undefined;

  constructor(definition: StoreDefinition) {
    this.#definition = definition;
  }

  /** Whether the store has a vector for an id. */
  async ids(): Promise<(id: Value) => boolean> {
    this.#ids ??= this.#with(
      async (store) => new Set((await store.keys({ present: true })).keys.flatMap((own) => [...own])),
    );
    const ids = await this.#ids;
    return (id) => ids.has(keyOf(id));
  }

  /** The vectors of those ids that have one. */
  async vectorsOf(ids: Iterable<Value>): Promise<(id: Value) => Float32Array | undefined> {
    const wanted = new Set([...ids].map(keyOf));
    const found = new Map<bigint | string, Float32Array>();
    await this.#with(async (store) => {
      const { dim } = this.#definition;
      for await (const { keys, vectors } of store.vectors())
        for (const [row, key] of keys.entries())
          if (wanted.has(key)) found.set(key, vectors.slice(row * dim, (row + 1) * dim));
    });
    return (id) => found.get(keyOf(id));
  }

  async #with<T>(work: (store: LanceStore) => Promise<T>): Promise<T> {
    const store = await LanceStore.open(this.#definition);
    try {
      return await work(store);
    } finally {
      store.close();
    }
  }
}

/** As the store's reader has ids: integers, or the latin1 strings of the bytes of texts. */
function keyOf(id: Value): bigint | string {
  return typeof id === "string" ? Buffer.from(id, "utf8").toString("latin1") : (id as bigint);
}
