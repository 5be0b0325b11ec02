/** Bytes as bits, from the lowest on; any byte but 0 is 1: what lies under a NULL may be anything. */
export function packBits(bytes: Uint8Array, count: number = bytes.length): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) if (bytes[i] !== 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  return bits;
}

const ALL_ONES = 0x01010101;

/** Bytes 0 and 1 as bits, and how many are 0; four at a time. */
export function packMarks(marks: Uint8Array): { readonly bits: Uint8Array<ArrayBuffer>; readonly zeros: number } {
  const count = marks.length;
  const bits = new Uint8Array(Math.ceil(count / 8));
  const aligned = marks.byteOffset % 4 === 0;
  const words = aligned ? new Uint32Array(marks.buffer, marks.byteOffset, count >> 2) : new Uint32Array(0);
  let ones = 0;
  for (let i = 0; i < words.length; ) {
    // Mostly all of them are 1.
    if ((i & 1) === 0 && words[i] === ALL_ONES && words[i + 1] === ALL_ONES) {
      bits[i >> 1] = 0xff;
      ones += 8;
      i += 2;
      continue;
    }
    // The product's highest byte has the word's four lowest bits beside one another.
    const four = Math.imul(words[i] as number, 0x01020408) >>> 24;
    ones += (four & 1) + ((four >> 1) & 1) + ((four >> 2) & 1) + (four >> 3);
    bits[i >> 1] = (bits[i >> 1] as number) | (four << ((i & 1) * 4));
    i++;
  }
  for (let i = words.length * 4; i < count; i++) {
    bits[i >> 3] = (bits[i >> 3] as number) | ((marks[i] as number) << (i & 7));
    ones += marks[i] as number;
  }
  return { bits, zeros: count - ones };
}

/** Bits as bytes 0 and 1. */
export function unpackBits(bits: Uint8Array, first: number, count: number, into: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) into[at + i] = ((bits[(first + i) >> 3] as number) >> ((first + i) & 7)) & 1;
}
