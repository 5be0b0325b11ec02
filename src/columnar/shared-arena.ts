import { ALIGNMENT, ArenaFull, MOST_PAGES, PAGE, type Room } from "./arena.js";

/** The first bytes of a shared memory are no room: this word says how many of its pages are handed out. */
const PAGES_WORD = 4;
/** Pages that a thread takes at once: fewer would let small wants of two threads alternate. */
const SEGMENT_PAGES = 32;

/** A WebAssembly memory that threads share. */
export function sharedMemory(): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
  new Int32Array(memory.buffer)[PAGES_WORD] = 1;
  return memory;
}

interface Segment {
  readonly base: number;
  readonly end: number;
}

/**
 * One thread's room in a shared memory: segments of pages that no other thread has. What is released stays the thread's, so
 * its pages are warm when they are used again.
 */
export class SharedArena implements Room {
  readonly memory: WebAssembly.Memory;
  readonly #segments: Segment[] = [];
  /** The segment in use; −1: none yet. */
  #current = -1;
  #top = 0;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
  }

  allocate(bytes: number): number {
    const needed = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    let segment = this.#segments[this.#current];
    while (segment === undefined || this.#top + needed > segment.end) {
      segment = this.#next(needed);
      this.#top = segment.base;
    }
    const address = this.#top;
    this.#top += needed;
    return address;
  }

  mark(): number {
    return this.#top;
  }

  release(mark = 0): void {
    this.#current = mark === 0 ? -1 : this.#segments.findIndex(({ base, end }) => mark > base && mark <= end);
    this.#top = mark;
  }

  /** The next segment with so much room; those behind the current one are free. */
  #next(bytes: number): Segment {
    const free = this.#segments.findIndex(({ base, end }, place) => place > this.#current && end - base >= bytes);
    if (free >= 0) {
      const [segment] = this.#segments.splice(free, 1) as [Segment];
      this.#current += 1;
      this.#segments.splice(this.#current, 0, segment);
      return segment;
    }
    const pages = Math.max(SEGMENT_PAGES, Math.ceil(bytes / PAGE));
    const words = new Int32Array(this.memory.buffer, 0, 16);
    const first = Atomics.add(words, PAGES_WORD, pages);
    const missing = first + pages - this.memory.buffer.byteLength / PAGE;
    if (first + pages > MOST_PAGES) {
      Atomics.sub(words, PAGES_WORD, pages);
      throw new ArenaFull(bytes);
    }
    // Another thread may grow it meanwhile; more than both need is no harm, it is not touched.
    if (missing > 0) this.memory.grow(Math.min(missing, MOST_PAGES - this.memory.buffer.byteLength / PAGE));
    const segment = { base: first * PAGE, end: (first + pages) * PAGE };
    this.#current += 1;
    this.#segments.splice(this.#current, 0, segment);
    return segment;
  }

  bytesAt(address: number, count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  int32At(address: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  int64At(address: number, count: number): BigInt64Array {
    return new BigInt64Array(this.memory.buffer, address, count);
  }
}
