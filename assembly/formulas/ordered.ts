/**
 * The values of the last rows in order: a treap, whose nodes are the rows (by their number modulo the capacity) and whose
 * priorities are hashes of these. O(log window) per row. NULLs and NaNs are not in it; ties are ordered by their node.
 *
 * State: root (i32, −1: empty), count (i32), then per node: value (f64), left, right, size (i32 each), whether it is in (i32).
 */

const NODE: usize = 24;

// @ts-ignore: decorator
@inline function nodeAt(state: usize, node: i32): usize {
  return state + 16 + <usize>node * NODE;
}
// @ts-ignore: decorator
@inline function sizeOf(state: usize, node: i32): i32 {
  return node < 0 ? 0 : load<i32>(nodeAt(state, node), 16);
}
// @ts-ignore: decorator
@inline function resize(state: usize, node: i32): void {
  const at = nodeAt(state, node);
  store<i32>(at, 1 + sizeOf(state, load<i32>(at, 8)) + sizeOf(state, load<i32>(at, 12)), 16);
}
// @ts-ignore: decorator
@inline function priority(node: i32): u32 {
  let hash = <u32>node * 0x9e3779b1;
  hash ^= hash >> 15;
  hash *= 0x85ebca6b;
  return hash ^ (hash >> 13);
}
// @ts-ignore: decorator
@inline function isBefore(value: f64, node: i32, other: f64, otherNode: i32): bool {
  return value < other || (value == other && node < otherNode);
}

let splitLeft: i32 = -1;
let splitRight: i32 = -1;

/** What is before (value, node), and what is not. */
function split(state: usize, root: i32, value: f64, node: i32): void {
  if (root < 0) {
    splitLeft = -1;
    splitRight = -1;
    return;
  }
  const at = nodeAt(state, root);
  if (isBefore(load<f64>(at), root, value, node)) {
    split(state, load<i32>(at, 12), value, node);
    store<i32>(at, splitLeft, 12);
    resize(state, root);
    splitLeft = root;
  } else {
    split(state, load<i32>(at, 8), value, node);
    store<i32>(at, splitRight, 8);
    resize(state, root);
    splitRight = root;
  }
}

function merge(state: usize, left: i32, right: i32): i32 {
  if (left < 0) return right;
  if (right < 0) return left;
  if (priority(left) > priority(right)) {
    const at = nodeAt(state, left);
    store<i32>(at, merge(state, load<i32>(at, 12), right), 12);
    resize(state, left);
    return left;
  }
  const at = nodeAt(state, right);
  store<i32>(at, merge(state, left, load<i32>(at, 8)), 8);
  resize(state, right);
  return right;
}

function insert(state: usize, node: i32, value: f64): void {
  const own = nodeAt(state, node);
  store<f64>(own, value);
  store<i32>(own, 1, 20);
  // Down to where its priority is the higher one, counting it on the way.
  let link = state;
  let below = load<i32>(link);
  const rank = priority(node);
  while (below >= 0 && priority(below) >= rank) {
    const at = nodeAt(state, below);
    store<i32>(at, load<i32>(at, 16) + 1, 16);
    link = isBefore(value, node, load<f64>(at), below) ? at + 8 : at + 12;
    below = load<i32>(link);
  }
  split(state, below, value, node);
  store<i32>(own, splitLeft, 8);
  store<i32>(own, splitRight, 12);
  resize(state, node);
  store<i32>(link, node);
}

function remove(state: usize, node: i32): void {
  const own = nodeAt(state, node),
    value = load<f64>(own);
  store<i32>(own, 0, 20);
  let link = state;
  let below = load<i32>(link);
  while (below != node) {
    const at = nodeAt(state, below);
    store<i32>(at, load<i32>(at, 16) - 1, 16);
    link = isBefore(value, node, load<f64>(at), below) ? at + 8 : at + 12;
    below = load<i32>(link);
  }
  store<i32>(link, merge(state, load<i32>(own, 8), load<i32>(own, 12)));
}

/** The value at a place, from 0. */
function valueAt(state: usize, place: i32): f64 {
  let at = nodeAt(state, load<i32>(state)),
    left = sizeOf(state, load<i32>(at, 8));
  while (place != left) {
    if (place < left) at = nodeAt(state, load<i32>(at, 8));
    else {
      place -= left + 1;
      at = nodeAt(state, load<i32>(at, 12));
    }
    left = sizeOf(state, load<i32>(at, 8));
  }
  return load<f64>(at);
}

/** How many are less than a value (or not above it, with `orEqual`). */
function countBelow(state: usize, value: f64, orEqual: bool): i32 {
  let node = load<i32>(state);
  let count = 0;
  while (node >= 0) {
    const at = nodeAt(state, node),
      other = load<f64>(at);
    if (other < value || (orEqual && other == value)) {
      count += sizeOf(state, load<i32>(at, 8)) + 1;
      node = load<i32>(at, 12);
    } else node = load<i32>(at, 8);
  }
  return count;
}

export function clearOrdered(state: usize, capacity: i32): void {
  store<i32>(state, -1);
  for (let node = 0; node < capacity; node++) store<i32>(nodeAt(state, node), 0, 20);
}
export function orderedBytes(capacity: i32): usize {
  return 16 + <usize>capacity * NODE;
}

/** Quantile `q` by linear interpolation, or with q < 0 the average rank (from 1) of the row's own value. `capacity` ≥ the window. */
export function slideOrdered(
  rows: i32,
  first: u32,
  q: f64,
  window: u32,
  values: usize,
  given: usize,
  tallies: usize,
  talliesThen: usize,
  least: u32,
  state: usize,
  capacity: u32,
  out: usize,
  valid: usize,
): void {
  const step: usize = window == 0 ? 0 : 16;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const place = first + <u32>row,
      x = load<f64>(values + (row << 3)),
      has = load<u8>(given + row) != 0,
      entering = <i32>(place % capacity);
    if (window != 0) {
      const leaving = <i32>((place + capacity - window) % capacity);
      if (place >= window && load<i32>(nodeAt(state, leaving), 20) != 0) remove(state, leaving);
    }
    // −0 and +0 are one value.
    if (has && x == x) insert(state, entering, x + 0);
    const now = tallies + (row << 4),
      then = talliesThen + row * step;
    const count = load<u32>(now) - load<u32>(then);
    const answered = count >= least && (q >= 0 || has);
    store<u8>(valid + row, <u8>answered);
    if (!answered) continue;
    let answer = NaN;
    if (load<u32>(now, 4) == load<u32>(then, 4)) {
      if (q < 0) answer = (<f64>countBelow(state, x, false) + <f64>countBelow(state, x, true) + 1) * 0.5;
      else {
        const h = q * <f64>(count - 1),
          k = floor(h),
          f = h - k,
          lower = valueAt(state, <i32>k);
        answer = lower;
        if (f != 0) {
          const upper = valueAt(state, <i32>k + 1);
          if (lower != upper) answer = (1 - f) * lower + f * upper;
        }
      }
    }
    store<f64>(out + (row << 3), answer);
  }
}
