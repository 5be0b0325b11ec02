import type { Vector } from "apache-arrow";
import { dtypeOfArrow, textsEqual } from "../../columnar/arrow-columns.js";
import type { DType } from "../../columnar/dtypes.js";
import type { Literal } from "../../definitions/literal.js";
import { equalityCodes, fixedRaw, longsOf, ofLongs } from "./pit-columns.js";

/** A byte a row: 1 where the column's value is one of the literals (`literalOf` made them of its dtype). */
export function eventMask(vector: Vector, literals: readonly Literal[]): Uint8Array {
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === "TEXT") return textsEqual(vector, literals.map((literal) => Buffer.from(String(literal))));
  if (dtype === undefined) throw new RangeError(`${String(vector.type)} has no dtype`);
  const { bytes, valid } = equalityCodes(fixedRaw(vector));
  const words = new Int32Array(longsOf(ofLongs(new BigInt64Array(bytes.slice().buffer))).buffer);
  const wanted = literals.map((literal) => {
    const code = longsOf(equalityCodes(literalRaw(literal, dtype)))[0] ?? 0n;
    return [Number(BigInt.asIntN(32, code)), Number(code >> 32n)] as const;
  });
  const mask = new Uint8Array(vector.length);
  for (const [low, high] of wanted)
    for (let row = 0; row < mask.length; row++)
      if (words[row * 2] === low && words[row * 2 + 1] === high) mask[row] = 1;
  if (valid !== undefined)
    for (let row = 0; row < mask.length; row++) mask[row] = (mask[row] as number) & (valid[row] as number);
  return mask;
}

function literalRaw(literal: Literal, dtype: DType) {
  if (dtype === "DOUBLE" || dtype === "FLOAT") {
    const number = Number(literal);
    const bytes = new Uint8Array(dtype === "DOUBLE" ? Float64Array.of(number).buffer : Float32Array.of(number).buffer);
    return { form: dtype === "DOUBLE" ? { kind: 2 as const, width: 8 } : { kind: 1 as const, width: 4 }, bytes };
  }
  const code =
    dtype === "DATE"
      ? BigInt(Date.parse(`${String(literal)}T00:00:00Z`) / 86_400_000)
      : dtype === "TIMESTAMP"
        ? microsOf(String(literal))
        : BigInt(literal as bigint | boolean);
  return ofLongs(BigInt64Array.of(code));
}

/** Of `YYYY-MM-DD HH:MM:SS[.ffffff]`. */
function microsOf(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(Date.parse(`${whole.replace(" ", "T")}Z`)) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}
