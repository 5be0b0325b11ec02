import { parentPort, workerData } from "node:worker_threads";
import { answer, buffersOf, type Order } from "./compute-pool.js";
import { GroupComputer, type Work } from "./row-groups.js";

const work = workerData as Work;
const computer = new GroupComputer(work);

parentPort?.on("message", (order: Order) => {
  const made = answer(computer, work, order);
  parentPort?.postMessage(made, buffersOf(made));
});
