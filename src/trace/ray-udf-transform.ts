import type { RayUdfTransform } from "../operators/ray-udf-transform.js";
import { further, type Row } from "./row.js";

/** Embedding columns stay what the output project made of them (a default, or a typed NULL) until enrich fills them. */
export function rayUdfTransform(self: RayUdfTransform, rows: readonly Row[]): void {
  for (const { name, ids } of self.columns)
    for (const row of rows) {
      const cell = row.cells.get(name);
      if (cell === undefined) continue;
      const step = { type: "embedding" as const, operator: self.name, store: self.store.name, ids };
      row.cells.set(name, further(cell, cell.value, step));
    }
}
