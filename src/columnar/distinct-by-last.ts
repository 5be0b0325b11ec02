/**
 * Which elements of a list stay when each distinct value is kept once, at its latest occurrence: a hash set from the end.
 * Values are given as two 32-bit words; equal values must have equal words. The tables are kept between calls.
 */
export class DistinctByLast {
  #low = new Int32Array(1024);
  #high = new Int32Array(1024);
  #stamp = new Int32Array(1024);
  #round = 0;

  /**
   * Writes the kept positions (from `base`, ascending, as offsets from `from`, counting from `base`) of `[from, to)` to
   * `kept` at `at`; returns how many.
   */
  select(
    low: Int32Array,
    high: Int32Array,
    from: number,
    to: number,
    base: number,
    kept: Int32Array,
    at: number,
  ): number {
    this.#reserve(to - from);
    const mask = this.#stamp.length - 1;
    this.#round += 1;
    let end = at + (to - from);
    let count = 0;
    for (let index = to - 1; index >= from; index--) {
      const lowWord = low[index] as number;
      const highWord = high[index] as number;
      let slot = hash(lowWord, highWord) & mask;
      let known = false;
      while (this.#stamp[slot] === this.#round) {
        if (this.#low[slot] === lowWord && this.#high[slot] === highWord) {
          known = true;
          break;
        }
        slot = (slot + 1) & mask;
      }
      if (known) continue;
      this.#stamp[slot] = this.#round;
      this.#low[slot] = lowWord;
      this.#high[slot] = highWord;
      kept[--end] = index - from + base;
      count += 1;
    }
    kept.copyWithin(at, end, at + (to - from));
    return count;
  }

  #reserve(values: number): void {
    if (this.#round === 0x7fffffff) {
      this.#stamp.fill(0);
      this.#round = 0;
    }
    if (values * 2 <= this.#stamp.length) return;
    const size = 2 ** Math.ceil(Math.log2(values * 2));
    this.#low = new Int32Array(size);
    this.#high = new Int32Array(size);
    this.#stamp = new Int32Array(size);
    this.#round = 0;
  }
}

function hash(low: number, high: number): number {
  let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
