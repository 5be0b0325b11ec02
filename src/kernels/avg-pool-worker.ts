import { workerData } from "node:worker_threads";
import { Board, workOn } from "./job-board.js";
import { kernelsOf } from "./kernels.js";

const { memory, control, sums } = workerData as { memory: WebAssembly.Memory; control: number; sums: number };
const board = new Board(memory, control);
const kernels = kernelsOf({ memory });

for (let opened = board.awaitOpened(0); opened >= 0; opened = board.awaitOpened(opened)) {
  board.enter();
  workOn(board, kernels, sums);
  board.leave();
}
