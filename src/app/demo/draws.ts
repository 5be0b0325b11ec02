/**
 * Randomness without state, as DuckDB macros: `draw(what, i)` is a number in [0, 1) that depends on the seed, the name of what
 * is drawn and the index alone (hashed twice: one hash of several arguments leaves the draws of one index related). Only exact
 * and correctly rounded arithmetic follows, no powers and no logarithms, so every machine gives the same values; and any row
 * can be made without those before it, so nothing is kept in memory.
 */
export function drawMacros(seed: number): string {
  return `
    CREATE MACRO bits(what, i) AS hash(hash(${seed}::BIGINT, what, i::BIGINT));
    CREATE MACRO draw(what, i) AS (bits(what, i) >> 11)::DOUBLE / 9007199254740992;
    CREATE MACRO pick(what, i, n) AS floor(draw(what, i) * n)::BIGINT;
    CREATE MACRO seldom(what, i, share) AS draw(what, i) < share;
    CREATE MACRO often_low(what, i, n) AS floor(draw(what, i) * draw(what, i) * n)::BIGINT`;
}
