import { equalityCode } from "./codes";

// @ts-ignore: decorator
@inline function element(elements: usize, at: u32): i64 {
  return load<i64>(elements + ((<usize>at) << 3));
}

/**
 * Prepares each query's own list for look-ups: its valid elements, ascending by equality. `entries`: offset and length (u64
 * each) into `codes`; a zero byte in `valid` (0: all are) is a NULL list, in `codesValid` a NULL element. Writes `lists`
 * (first, count: u32 each) and `elements`; there is room for as many as `codes` has entries in all.
 */
export function ownLists(queries: i32, entries: usize, valid: usize, codes: usize, codesValid: usize, kind: i32, lists: usize, elements: usize): void {
  let written: u32 = 0;
  for (let query: usize = 0; query < <usize>queries; query++) {
    const first = written;
    if (valid == 0 || load<u8>(valid + query) != 0) {
      const from = <usize>load<u64>(entries + (query << 4)),
        to = from + <usize>load<u64>(entries + (query << 4), 8);
      for (let at = from; at < to; at++) {
        if (codesValid != 0 && load<u8>(codesValid + at) == 0) continue;
        store<i64>(elements + ((<usize>written) << 3), equalityCode(load<i64>(codes + (at << 3)), kind));
        written++;
      }
      // Shell sort: short lists are the rule, long ones must not hang.
      const count = written - first;
      let gap: u32 = 1;
      while (gap < count / 3) gap = gap * 3 + 1;
      for (; gap > 0; gap /= 3)
        for (let i = first + gap; i < written; i++) {
          const value = element(elements, i);
          let j = i;
          while (j >= first + gap && element(elements, j - gap) > value) {
            store<i64>(elements + ((<usize>j) << 3), element(elements, j - gap));
            j -= gap;
          }
          store<i64>(elements + ((<usize>j) << 3), value);
        }
    }
    store<u32>(lists + (query << 3), first);
    store<u32>(lists + (query << 3), written - first, 4);
  }
}
