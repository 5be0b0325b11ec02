import { createHash } from "node:crypto";

/** Random numbers that are the same for the same seed and purpose, on every machine. */
export class Random {
  #state: number;

  constructor(seed: number, purpose: string) {
    this.#state = createHash("sha256").update(`${seed}\u0000${purpose}`).digest().readUInt32LE(0);
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  /** `count` different whole numbers in [0, limit), ascending; all of them if there are not so many. */
  sample(limit: number, count: number): readonly number[] {
    if (count >= limit) return Array.from({ length: limit }, (_, index) => index);
    const chosen = new Set<number>();
    // Floyd's: every set of `count` is as likely as another, whatever the limit.
    for (let last = limit - count; last < limit; last++) {
      const candidate = this.below(last + 1);
      chosen.add(chosen.has(candidate) ? last : candidate);
    }
    return [...chosen].sort((a, b) => a - b);
  }

  /** In [0, 1): mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
