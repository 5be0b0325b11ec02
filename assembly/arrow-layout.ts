/** Between the kernels' layout (validity a byte a row, lists by offset and length) and Arrow's (bits, running offsets). */

/** Arrow's offsets (i32) behind the first, of lists that stand behind one another: `entries` as `windowList` writes them. */
export function listOffsets(queries: i32, entries: usize, base: i32, offsets: usize): void {
  for (let query: usize = 0; query < <usize>queries; query++) {
    const entry = entries + (query << 4);
    store<i32>(offsets + (query << 2), base + <i32>load<u64>(entry) + <i32>load<u64>(entry, 8));
  }
}

/** Validity bytes as bits, the lowest first; the bits behind the last row are 0. Returns how many rows are not valid. */
export function packValidity(rows: i32, valid: usize, bits: usize): i32 {
  let some: i32 = 0;
  const whole = rows & ~7;
  let row: i32 = 0;
  for (; row < whole; row += 8) {
    // Bytes are 0 or 1: the product gathers the lowest bit of each in the highest byte.
    const bytes = load<u64>(valid + <usize>row);
    const packed = (bytes * 0x0102040810204080) >> 56;
    store<u8>(bits + <usize>(row >> 3), <u8>packed);
    some += <i32>popcnt(packed);
  }
  if (row < rows) {
    let last: u32 = 0;
    for (let i: i32 = 0; row + i < rows; i++) last |= (<u32>load<u8>(valid + <usize>(row + i))) << i;
    store<u8>(bits + <usize>(row >> 3), <u8>last);
    some += <i32>popcnt(last);
  }
  return rows - some;
}
