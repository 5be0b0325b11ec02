import type { Vector } from "apache-arrow";
import { dtypeOfArrow, rowsOfTexts } from "../../columnar/arrow-columns.js";
import type { DType } from "../../columnar/dtypes.js";
import type { Literal } from "../../definitions/literal.js";
import { equalityCodes, fixedRaw, longsOf, ofLongs } from "./pit-columns.js";

/** The rows whose value is one of the literals (`literalOf` made them of the column's dtype), in order. */
export function rowsOfEvents(vector: Vector, literals: readonly Literal[]): Int32Array {
  const dtype = dtypeOfArrow(vector.type);
  if (dtype === "TEXT")
    return rowsOfTexts(
      vector,
      literals.map((literal) => Buffer.from(String(literal))),
    );
  if (dtype === undefined) throw new RangeError(`${String(vector.type)} has no dtype`);
  const { bytes, valid } = equalityCodes(fixedRaw(vector));
  const words = new Int32Array(longsOf(ofLongs(new BigInt64Array(bytes.slice().buffer))).buffer);
  const wanted = literals.map((literal) => {
    const code = longsOf(equalityCodes(literalRaw(literal, dtype)))[0] ?? 0n;
    return [Number(BigInt.asIntN(32, code)), Number(code >> 32n)] as const;
  });
  const rows = new Int32Array(vector.length);
  let count = 0;
  for (let row = 0; row < rows.length; row++) {
    if (valid !== undefined && valid[row] === 0) continue;
    const [low, high] = [words[row * 2], words[row * 2 + 1]];
    if (wanted.some(([wantedLow, wantedHigh]) => low === wantedLow && high === wantedHigh)) rows[count++] = row;
  }
  return rows.subarray(0, count);
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
