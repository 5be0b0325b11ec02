/**
 * A small part of the items for which `holds` is still true, found by leaving out halves, quarters and so on, then single
 * ones (delta debugging); at most `budget` tries. `holds(items)` is true.
 */
export async function shrink<T>(
  items: readonly T[],
  holds: (items: readonly T[]) => Promise<boolean>,
  budget: number,
): Promise<readonly T[]> {
  let best = items;
  let tries = budget;
  let size = Math.ceil(best.length / 2);
  while (size >= 1 && best.length > 0 && tries > 0) {
    let shorter = false;
    for (let first = 0; first < best.length && tries > 0; ) {
      const candidate = [...best.slice(0, first), ...best.slice(first + size)];
      tries -= 1;
      if (await holds(candidate)) {
        best = candidate;
        shorter = true;
      } else first += size;
    }
    // Single items are tried again until none can go: what one needed may have gone meanwhile.
    if (size === 1 && !shorter) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return best;
}
