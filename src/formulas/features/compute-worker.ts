import { parentPort, workerData } from "node:worker_threads";
import { Answerer, buffersOf, type Order } from "./compute-pool.js";
import type { Work } from "./row-groups.js";

const answerer = await Answerer.open(workerData as Work);

parentPort?.on("message", (message: Order | ArrayBuffer) => {
  if (message instanceof ArrayBuffer) {
    answerer.takeBack(message);
    return;
  }
  const made = answerer.answer(message);
  parentPort?.postMessage(made, [...buffersOf(made)]);
});
