/**
 * Floats as 64-bit integers whose order is the order of values (chapter 7: −0 before +0, NaN last), as the kernels have them:
 * the bits, with those below the sign turned where it is negative. Polars compares and picks the integers, since its own
 * `min` and `max` skip NaN and take the zeros for one value.
 */

const MAX = "CAST('9223372036854775807' AS BIGINT)";

/** Of −0, which equals +0, whose code is 0. */
export const NEGATIVE_ZERO = -1;

/** SQL for the code of a FLOAT or DOUBLE; every NaN has the same. */
export function floatCode(expression: string): string {
  const number = `CAST(${expression} AS DOUBLE)`;
  const bits = `CAST(CAST(${number} AS BIT) AS BIGINT)`;
  return `CASE WHEN isnan(${number}) THEN ${MAX} WHEN ${bits} < 0 THEN xor(${bits}, ${MAX}) ELSE ${bits} END`;
}

/** SQL for the code by which a float equals others. */
export function equalityCode(expression: string): string {
  return `CASE WHEN ${expression} = 0 THEN 0 ELSE ${floatCode(expression)} END`;
}

/** SQL for the float of a code. */
export function floatOfCode(code: string, dtype: "FLOAT" | "DOUBLE"): string {
  const bits = `CASE WHEN ${code} < 0 THEN xor(${code}, ${MAX}) ELSE ${code} END`;
  return `CAST(CASE WHEN ${code} = ${MAX} THEN CAST('nan' AS DOUBLE) ELSE CAST(CAST(${bits} AS BIT) AS DOUBLE) END AS ${dtype})`;
}
