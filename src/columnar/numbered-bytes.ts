/** Numbers byte strings by first appearance: a hash table over their bytes, which it keeps. */
export class NumberedBytes {
  #bytes = new Uint8Array(4096);
  #ends = new Float64Array(256);
  #hashes = new Int32Array(256);
  #slots = new Int32Array(1024).fill(-1);
  count = 0;

  /** The number of the bytes [from, to), a new one if they are new. */
  readonly add = (bytes: Uint8Array, from: number, to: number): number => {
    const hash = hashOf(bytes, from, to);
    const slot = this.#slot(bytes, from, to, hash);
    const known = this.#slots[slot] as number;
    if (known >= 0) return known;
    const number = this.count++;
    this.#slots[slot] = number;
    this.#keep(number, bytes, from, to, hash);
    if (this.count * 2 > this.#slots.length) this.#widen();
    return number;
  };

  /** The number of the bytes; −1 if they have none. */
  readonly find = (bytes: Uint8Array, from: number, to: number): number =>
    this.#slots[this.#slot(bytes, from, to, hashOf(bytes, from, to))] as number;

  /** Where the bytes of a number are, in `bytes`. */
  from(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] as number);
  }

  to(number: number): number {
    return this.#ends[number] as number;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Each number's rank (from 0) in the order of the bytes. */
  ranks(): Int32Array {
    const bytes = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    const order = Int32Array.from({ length: this.count }, (_, number) => number).sort((a, b) =>
      bytes.compare(bytes, this.from(b), this.to(b), this.from(a), this.to(a)),
    );
    const ranks = new Int32Array(this.count);
    order.forEach((number, rank) => {
      ranks[number] = rank;
    });
    return ranks;
  }

  #slot(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (true) {
      const number = this.#slots[slot] as number;
      if (number < 0 || (this.#hashes[number] === hash && this.#equals(number, bytes, from, to))) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(number: number, bytes: Uint8Array, from: number, to: number): boolean {
    const first = this.from(number);
    if (this.to(number) - first !== to - from) return false;
    for (let i = 0; i < to - from; i++) if (this.#bytes[first + i] !== bytes[from + i]) return false;
    return true;
  }

  #keep(number: number, bytes: Uint8Array, from: number, to: number, hash: number): void {
    const first = this.from(number);
    const end = first + to - from;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    if (number >= this.#ends.length) {
      const ends = new Float64Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
      const hashes = new Int32Array(this.#hashes.length * 2);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    this.#bytes.set(bytes.subarray(from, to), first);
    this.#ends[number] = end;
    this.#hashes[number] = hash;
  }

  #widen(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let number = 0; number < this.count; number++) {
      let slot = (this.#hashes[number] as number) & mask;
      while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = number;
    }
  }
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
