import { parentPort, workerData } from "node:worker_threads";
import { LanceStore } from "./lance-store.js";
import {
  ANSWERED,
  FAILED,
  MESSAGE_BYTES,
  MESSAGE_LENGTH,
  STATE,
  type TakeOrder,
  type TakerData,
} from "./vector-taker.js";

const { definition, version, memory, control } = workerData as TakerData;
let opened: Promise<LanceStore> | undefined;

parentPort?.on("message", async (order: TakeOrder) => {
  const state = await take(order).then(
    () => ANSWERED,
    (error: unknown) => {
      const text = Buffer.from(error instanceof Error ? error.message : String(error)).subarray(0, MESSAGE_BYTES);
      new Uint8Array(memory.buffer, control + 8, text.length).set(text);
      new Int32Array(memory.buffer, control, 2)[MESSAGE_LENGTH] = text.length;
      return FAILED;
    },
  );
  const words = new Int32Array(memory.buffer, control, 2);
  Atomics.store(words, STATE, state);
  Atomics.notify(words, STATE);
});

async function take({ rows, count, vectors, stride }: TakeOrder): Promise<void> {
  opened ??= LanceStore.open(definition, version);
  const store = await opened;
  const { dim } = definition;
  const numbers = new BigUint64Array(memory.buffer, rows, count).slice();
  let found = 0;
  for await (const batch of store.take([...numbers])) {
    const floats = new Float32Array(memory.buffer);
    batch.rows.forEach((number, place) => {
      const slot = placeOf(numbers, number);
      floats.set(batch.vectors.subarray(place * dim, (place + 1) * dim), (vectors + slot * stride) / 4);
    });
    found += batch.rows.length;
  }
  if (found !== count) throw new Error(`${count - found} vectors of embedding store "${definition.name}" are gone`);
}

/** By halving. */
function placeOf(numbers: BigUint64Array, number: bigint): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as bigint) < number) low = middle + 1;
    else high = middle;
  }
  if (numbers[low] !== number) throw new Error(`a row ${number} that nobody asked for`);
  return low;
}
