import { FIRST, findSlot, slotAt } from "./keys";

/** Makes all slots empty. */
export function clearSlots(slots: usize, mask: u32): void {
  for (let place: u32 = 0; place <= mask; place++) store<i64>(slotAt(slots, place), -1, FIRST);
}

/**
 * Numbers keys by first appearance: writes each row's group (i32) and counts it; a row whose byte in `valid` is zero (0: all
 * are valid) belongs to none, −1. The caller sees to it that the table stays at most half full. Returns how many groups there
 * are now. O(rows).
 */
export function assignGroups(rows: i32, keys: usize, valid: usize, slots: usize, mask: u32, groups: usize, known: i32, counts: usize): i32 {
  let count = known;
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (valid != 0 && load<u8>(valid + row) == 0) {
      store<i32>(groups + (row << 2), -1);
      continue;
    }
    const key = load<i64>(keys + (row << 3));
    const slot = findSlot(key, slots, mask);
    let group = load<i32>(slot, FIRST);
    if (group < 0) {
      group = count++;
      store<i64>(slot, key);
      store<i32>(slot, group, FIRST);
      store<i32>(counts + ((<usize>group) << 2), 0);
    }
    store<i32>(groups + (row << 2), group);
    const counted = counts + ((<usize>group) << 2);
    store<i32>(counted, load<i32>(counted) + 1);
  }
  return count;
}

/** Puts the slots of a table into a larger, empty one. */
export function moveSlots(from: usize, fromMask: u32, to: usize, toMask: u32): void {
  for (let place: u32 = 0; place <= fromMask; place++) {
    const slot = slotAt(from, place);
    if (load<i32>(slot, FIRST) < 0) continue;
    const free = findSlot(load<i64>(slot), to, toMask);
    store<i64>(free, load<i64>(slot));
    store<i64>(free, load<i64>(slot, FIRST), FIRST);
  }
}

/** Widens the range of keys (least and greatest, i64 each) to these; a zero byte in `valid` (0: all are valid) is no key. */
export function widenRange(rows: i32, keys: usize, valid: usize, range: usize): void {
  let least = load<i64>(range),
    greatest = load<i64>(range, 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (valid != 0 && load<u8>(valid + row) == 0) continue;
    const key = load<i64>(keys + (row << 3));
    least = min(least, key);
    greatest = max(greatest, key);
  }
  store<i64>(range, least);
  store<i64>(range, greatest, 8);
}

/** Counts the rows of each key least, least + 1, … (i32 each). */
export function countKeys(rows: i32, keys: usize, valid: usize, least: i64, counts: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (valid != 0 && load<u8>(valid + row) == 0) continue;
    const count = counts + ((<usize>(load<i64>(keys + (row << 3)) - least)) << 2);
    store<i32>(count, load<i32>(count) + 1);
  }
}

/**
 * Numbers the keys that have rows in their order: writes each key's group (−1: it has none) to `table`, the groups' starts and
 * the end behind the last to `starts`, and turns the counts into the places at which each key's rows begin. Returns how many
 * groups there are.
 */
export function numberKeys(span: i32, counts: usize, table: usize, starts: usize): i32 {
  let groups: i32 = 0,
    start: i32 = 0;
  for (let key: usize = 0; key < <usize>span; key++) {
    const count = load<i32>(counts + (key << 2));
    store<i32>(table + (key << 2), count > 0 ? groups : -1);
    store<i32>(counts + (key << 2), start);
    store<i32>(starts + ((<usize>groups) << 2), start);
    groups += i32(count > 0);
    start += count;
  }
  store<i32>(starts + ((<usize>groups) << 2), start);
  return groups;
}

/** `placeRows` by the keys themselves: `cursors` begin as `numberKeys` leaves them. */
export function placeKeys(rows: i32, keys: usize, valid: usize, least: i64, cursors: usize, places: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (valid != 0 && load<u8>(valid + row) == 0) {
      store<i32>(places + (row << 2), -1);
      continue;
    }
    const cursor = cursors + ((<usize>(load<i64>(keys + (row << 3)) - least)) << 2);
    const place = load<i32>(cursor);
    store<i32>(places + (row << 2), place);
    store<i32>(cursor, place + 1);
  }
}

/** Turns counts into starts (exclusive running sum, in place), with the total behind the last. */
export function startsOf(groups: i32, counts: usize): void {
  let start: i32 = 0;
  for (let group: usize = 0; group <= <usize>groups; group++) {
    const at = counts + (group << 2);
    const count = group < <usize>groups ? load<i32>(at) : 0;
    store<i32>(at, start);
    start += count;
  }
}

/** The least and the greatest key of the table (i64 each). */
export function keyRange(slots: usize, mask: u32, out: usize): void {
  let least = i64.MAX_VALUE,
    greatest = i64.MIN_VALUE;
  for (let place: u32 = 0; place <= mask; place++) {
    const slot = slotAt(slots, place);
    if (load<i32>(slot, FIRST) < 0) continue;
    least = min(least, load<i64>(slot));
    greatest = max(greatest, load<i64>(slot));
  }
  store<i64>(out, least);
  store<i64>(out, greatest, 8);
}

/** The groups of the keys least … least + span − 1 (i32 each; −1: no key), out of the slots. */
export function directTable(slots: usize, mask: u32, least: i64, span: u32, table: usize): void {
  memory.fill(table, 0xff, (<usize>span) << 2);
  for (let place: u32 = 0; place <= mask; place++) {
    const slot = slotAt(slots, place);
    const group = load<i32>(slot, FIRST);
    if (group >= 0) store<i32>(table + ((<usize>(load<i64>(slot) - least)) << 2), group);
  }
}

/** For each row the place that is next free in its group (−1: it has none); `cursors` begin as the groups' starts. Keeps the order of rows. */
export function placeRows(rows: i32, groups: usize, cursors: usize, places: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const group = load<i32>(groups + (row << 2));
    if (group < 0) {
      store<i32>(places + (row << 2), -1);
      continue;
    }
    const cursor = cursors + ((<usize>group) << 2);
    const place = load<i32>(cursor);
    store<i32>(places + (row << 2), place);
    store<i32>(cursor, place + 1);
  }
}

/** Writes each row's value to its place, if it has one. */
export function scatter(rows: i32, places: usize, values: usize, into: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const place = load<i32>(places + (row << 2));
    if (place >= 0) store<i64>(into + ((<usize>place) << 3), load<i64>(values + (row << 3)));
  }
}

/** Each value divided, rounded down. */
export function floorDivide(rows: i32, values: usize, divisor: i64): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const value = load<i64>(values + (row << 3));
    const quotient = value / divisor;
    store<i64>(values + (row << 3), quotient - <i64>(quotient * divisor > value));
  }
}
