/** Bytes as bits, from the lowest on; any byte but 0 is 1: what lies under a NULL may be anything. */
export function packBits(bytes: Uint8Array, count: number = bytes.length): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) if (bytes[i] !== 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  return bits;
}

/** Bits as bytes 0 and 1. */
export function unpackBits(bits: Uint8Array, first: number, count: number, into: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) into[at + i] = ((bits[(first + i) >> 3] as number) >> ((first + i) & 7)) & 1;
}
