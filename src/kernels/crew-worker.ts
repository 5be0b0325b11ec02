import { parentPort, workerData } from "node:worker_threads";
import type { ColumnBuffers } from "../columnar/arrow-answers.js";
import { SharedArena } from "../columnar/shared-arena.js";
import { attempt } from "./crew.js";
import { kernelsOf } from "./kernels.js";
import { openProbes, type Piece, type Probes, type Probing } from "./table-probes.js";

/** What a worker is told: of what to answer, and pieces, in order. */
export type Order =
  | { readonly kind: "probing"; readonly probing: Probing }
  | { readonly kind: "piece"; readonly piece: Piece };

export type Failure =
  | { readonly kind: "sum-outside"; readonly output: number }
  | { readonly kind: "full" }
  | { readonly kind: "lists-too-long" }
  | { readonly kind: "not-sorted" }
  | { readonly kind: "lost"; readonly message: string };

export interface Answer {
  readonly columns: readonly ColumnBuffers[];
  readonly failure?: Failure;
}

const room = new SharedArena(workerData as WebAssembly.Memory);
const kernels = kernelsOf(room);
let probes: Probes | undefined;

parentPort?.on("message", (order: Order) => {
  if (order.kind === "probing") {
    probes = openProbes(room, kernels, order.probing);
    return;
  }
  const answer = attempt(() => probes?.answer(order.piece) ?? []);
  const buffers = answer.columns.flatMap(({ values, offsets, validity }) => [
    values.buffer,
    ...(offsets === undefined ? [] : [offsets.buffer]),
    ...(validity === undefined ? [] : [validity.buffer]),
  ]);
  parentPort?.postMessage(answer, buffers);
});

parentPort?.postMessage("ready");
