/** WebAssembly memory grows by pages. */
export const PAGE = 65_536;
/** A WebAssembly memory ends at 4 GiB. */
export const MOST_PAGES = 65_536;
/** Addresses are multiples of a cache line. */
export const ALIGNMENT = 64;

/** A memory that cannot grow any more. */
export class ArenaFull extends Error {
  override readonly name = "ArenaFull";
  constructor(bytes: number) {
    super(`a WebAssembly memory of 4 GiB has no room for ${bytes} bytes more`);
  }
}

/** Room in a WebAssembly memory, handed out from a mark on and taken back to it. */
export interface Room {
  readonly memory: WebAssembly.Memory;
  /** The address of so many bytes, not cleared. Throws `ArenaFull`. */
  allocate(bytes: number): number;
  /** What is allocated from here on is taken back by `release`. */
  mark(): number;
  release(mark?: number): void;
  bytesAt(address: number, count: number): Uint8Array<ArrayBuffer>;
  int32At(address: number, count: number): Int32Array;
  int64At(address: number, count: number): BigInt64Array;
}

/**
 * A WebAssembly memory that is handed out from its start on and taken back to a mark. It keeps its pages: fresh ones cost
 * far more than to use those that were touched before. Views end when the memory grows, so they are taken anew after every
 * `allocate`.
 */
export class Arena implements Room {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES });
  /** Address 0 stands for what is not there. */
  #top = ALIGNMENT;
  /** The end of what was ever handed out: pages behind it were never touched. */
  #highest = ALIGNMENT;

  allocate(bytes: number): number {
    const address = this.#top;
    const top = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
    const missing = Math.ceil((top + ALIGNMENT) / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      const most = MOST_PAGES - this.memory.buffer.byteLength / PAGE;
      if (missing > most) throw new ArenaFull(bytes);
      // To twice its size: V8 takes each growth for as many new bytes as the memory has, and collects garbage after it.
      this.memory.grow(Math.min(most, Math.max(missing, this.memory.buffer.byteLength / PAGE)));
    }
    this.#top = top;
    if (top > this.#highest) this.#highest = top;
    return address;
  }

  mark(): number {
    return this.#top;
  }

  release(mark = ALIGNMENT): void {
    this.#top = mark;
  }

  /** That the system had to find room for. */
  get bytes(): number {
    return this.#highest;
  }

  bytesAt(address: number, count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  int32At(address: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, count);
  }

  doublesAt(address: number, count: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, count);
  }

  int64At(address: number, count: number): BigInt64Array {
    return new BigInt64Array(this.memory.buffer, address, count);
  }
}

/**
 * Memories for a thread's indexes. One that is not needed any more goes to who comes next: a memory never shrinks, and lies
 * around until a garbage collection if it is dropped.
 */
export class ArenaPool {
  /** For work that ends before another begins: whoever uses it releases it first. */
  readonly scratch = new Arena();
  readonly #made: Arena[] = [];
  readonly #free: Arena[] = [];

  /** An empty memory, the largest that is free. */
  take(): Arena {
    this.#free.sort((left, right) => left.bytes - right.bytes);
    const known = this.#free.pop();
    if (known !== undefined) return known;
    const arena = new Arena();
    this.#made.push(arena);
    return arena;
  }

  give(arena: Arena): void {
    arena.release();
    this.#free.push(arena);
  }

  /** Of all its memories, free ones included. */
  get bytes(): number {
    return this.#made.reduce((sum, arena) => sum + arena.bytes, this.scratch.bytes);
  }

  /** Drops free memories, the largest first, until at most so many bytes are free. */
  trim(most: number): void {
    this.#free.sort((left, right) => left.bytes - right.bytes);
    let free = this.#free.reduce((sum, { bytes }) => sum + bytes, 0);
    while (free > most) {
      const arena = this.#free.pop();
      if (arena === undefined) return;
      this.#made.splice(this.#made.indexOf(arena), 1);
      free -= arena.bytes;
    }
  }
}
