import type { RayUdfTransform } from "../operators/ray-udf-transform.js";
import { further, type Row, valueIn } from "./row.js";
import type { StoreReading } from "./store-reading.js";
import type { Value } from "./values.js";

/**
 * Embedding columns stay what the output project made of them (a default, or a typed NULL) until enrich fills them; with
 * `store` they are filled: the vector of an id, or the mean of the vectors of the ids that the store has, summed as doubles in
 * the list's order, divided once, rounded once.
 */
export async function rayUdfTransform(
  self: RayUdfTransform,
  rows: readonly Row[],
  store: StoreReading | undefined,
): Promise<void> {
  const columns = self.columns.filter(({ name }) => rows.some((row) => row.cells.has(name)));
  const ids = new Set(columns.flatMap((column) => rows.flatMap((row) => idsOf(valueIn(row, column.ids)))));
  const vectorOf = columns.length === 0 ? undefined : await store?.vectorsOf(ids);
  for (const column of columns)
    for (const row of rows) {
      const cell = row.cells.get(column.name);
      if (cell === undefined) continue;
      const step = { type: "embedding" as const, operator: self.name, store: self.store.name, ids: column.ids };
      if (vectorOf === undefined) {
        row.cells.set(column.name, further(cell, cell.value, step));
        continue;
      }
      const asked = idsOf(valueIn(row, column.ids));
      const vectors = asked.flatMap((id) => vectorOf(id) ?? []);
      const mean = column.pool !== undefined;
      const filled = { asked: asked.length, found: vectors.length, mean };
      // What the output made of it stood there only until now.
      row.cells.set(column.name, further(undefined, mean ? meanOf(vectors) : only(vectors), { ...step, filled }));
    }
}

function idsOf(value: Value): readonly Value[] {
  if (value === null) return [];
  return Array.isArray(value) ? value.filter((id) => id !== null) : [value];
}

function only([vector]: readonly Float32Array[]): Value {
  return vector === undefined ? null : Array.from(vector);
}

/** Sums begin with +0, so that a mean is never −0. */
function meanOf(vectors: readonly Float32Array[]): Value {
  const [first] = vectors;
  if (first === undefined) return null;
  return Array.from(first, (_, place) => {
    let sum = 0;
    for (const vector of vectors) sum += vector[place] as number;
    return Math.fround(sum / vectors.length);
  });
}
