/** Columns of doubles that arithmetic stumbles over, from a seed. */
export type Random = () => number;

/** mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)] as Item;

const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

export const KINDS: Readonly<Record<string, (random: Random) => number>> = {
  "a few integers": (random) => Math.floor(random() * 5) - 2,
  "constant runs": (random) => (random() < 0.9 ? 7.25 : 7.5),
  normal,
  "1e6 and noise": (random) => 1e6 + normal(random) * 1e-3,
  prices: (random) => Math.round(6e5 + normal(random) * 50) / 10,
  "many decades": (random) => normal(random) * 10 ** Math.floor(random() * 40 - 20),
  "all decades": (random) => normal(random) * 10 ** Math.floor(random() * 600 - 300),
  subnormals: (random) => Math.floor(random() * 9 - 4) * 5e-324,
  "zeros of both signs": (random) => (random() < 0.5 ? -0 : 0),
  "halves and thirds": (random) => Math.floor(random() * 20 - 10) / pick(random, [2, 3]),
};

const SPECIAL: readonly number[] = [Number.NaN, Infinity, -Infinity, 0, -0, 1e300, -1];

/** With NULLs, NaNs and infinities in it, unless it is to be plain. */
export function nastyColumn(random: Random, rows: number, kind: string): (number | null)[] {
  const draw = KINDS[kind];
  if (draw === undefined) throw new RangeError(`no kind ${kind}`);
  const [nulls, specials] = [pick(random, [0, 0, 0.02, 0.3]), pick(random, [0, 0, 0.01, 0.1])];
  const leading = random() < 0.3 ? Math.floor(random() * 5) : 0;
  return Array.from({ length: rows }, (_, row) => {
    if (row < leading || random() < nulls) return null;
    return random() < specials ? pick(random, SPECIAL) : draw(random);
  });
}
