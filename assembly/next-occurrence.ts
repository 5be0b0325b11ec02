import { equalityCode } from "./codes";
import { FIRST, findSlot, placeOf, slotAt } from "./keys";

/**
 * For each row the place at which its value appears next in its group, or the group's end. `slots` is a table of at least
 * twice the largest group, which is left as it was: empty. O(rows).
 */
export function nextOccurrence(groups: i32, starts: usize, values: usize, kind: i32, slots: usize, mask: u32, next: usize): void {
  for (let group: usize = 0; group < <usize>groups; group++) {
    const from = load<i32>(starts + (group << 2)),
      to = load<i32>(starts + (group << 2), 4);
    for (let row = to - 1; row >= from; row--) {
      const value = equalityCode(load<i64>(values + ((<usize>row) << 3)), kind);
      const slot = findSlot(value, slots, mask);
      const later = load<i32>(slot, FIRST);
      store<i32>(next + ((<usize>row) << 2), later < 0 ? to : later);
      store<i64>(slot, value);
      store<i32>(slot, row, FIRST);
    }
    if (to - from > <i32>(mask >> 3)) {
      for (let place: u32 = 0; place <= mask; place++) store<i32>(slotAt(slots, place), -1, FIRST);
      continue;
    }
    // Each value's run of full slots, from where it would stand on.
    for (let row = from; row < to; row++) {
      let place = placeOf(equalityCode(load<i64>(values + ((<usize>row) << 3)), kind), mask);
      while (load<i32>(slotAt(slots, place), FIRST) >= 0) {
        store<i32>(slotAt(slots, place), -1, FIRST);
        place = (place + 1) & mask;
      }
    }
  }
}
