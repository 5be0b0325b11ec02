/** A key's first place in a table of `mask + 1` slots (Fibonacci hashing; the high half is the well mixed one). */
// @ts-ignore: decorator
@inline export function placeOf(key: i64, mask: u32): u32 {
  return <u32>((<u64>key * 0x9e3779b97f4a7c15) >> 32) & mask;
}

/** A slot has 16 bytes: a key (i64) and its group's number (i32); an empty slot has −1 there. */
export const SLOT_SHIFT: usize = 4;
export const FIRST: usize = 8;

// @ts-ignore: decorator
@inline export function slotAt(slots: usize, place: u32): usize {
  return slots + ((<usize>place) << SLOT_SHIFT);
}

/** The slot that holds the key, or the empty one where it would be. */
// @ts-ignore: decorator
@inline export function findSlot(key: i64, slots: usize, mask: u32): usize {
  let place = placeOf(key, mask);
  while (true) {
    const slot = slotAt(slots, place);
    if (load<i32>(slot, FIRST) < 0 || load<i64>(slot) == key) return slot;
    place = (place + 1) & mask;
  }
}
