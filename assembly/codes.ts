/**
 * Values travel as codes: i64 whose order is the order of values (chapter 7: −0 before +0, NaN last). An integer is its own
 * code; of a float the bits, with those below the sign turned where it is negative. The turning undoes itself.
 */
export const INTEGER: i32 = 0;
export const FLOAT: i32 = 1;
export const DOUBLE: i32 = 2;

const NAN64: i64 = 0x7ff8000000000000;
const NAN32: i32 = 0x7fc00000;

// @ts-ignore: decorator
@inline export function codeOfDouble(bits: i64): i64 {
  if ((bits & i64.MAX_VALUE) > 0x7ff0000000000000) return NAN64;
  return bits ^ ((bits >> 63) & i64.MAX_VALUE);
}
// @ts-ignore: decorator
@inline export function doubleOfCode(code: i64): f64 {
  return reinterpret<f64>(code ^ ((code >> 63) & i64.MAX_VALUE));
}
// @ts-ignore: decorator
@inline export function codeOfFloat(bits: i32): i64 {
  if ((bits & i32.MAX_VALUE) > 0x7f800000) return <i64>NAN32;
  return <i64>(bits ^ ((bits >> 31) & i32.MAX_VALUE));
}
// @ts-ignore: decorator
@inline export function floatOfCode(code: i64): f32 {
  const turned = <i32>code;
  return reinterpret<f32>(turned ^ ((turned >> 31) & i32.MAX_VALUE));
}

/** A float's number; an integer has none. */
// @ts-ignore: decorator
@inline export function numberOfCode(code: i64, kind: i32): f64 {
  return kind == FLOAT ? <f64>floatOfCode(code) : doubleOfCode(code);
}

/** Codes by which values are equal: −0 = +0. */
// @ts-ignore: decorator
@inline export function equalityCode(code: i64, kind: i32): i64 {
  return kind != INTEGER && code == -1 ? 0 : code;
}

/** Of each code that by which values are equal. */
export function equalityCodes(rows: i32, codes: usize, kind: i32, out: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) store<i64>(out + (row << 3), equalityCode(load<i64>(codes + (row << 3)), kind));
}

/** Raw values of a column (`width` bytes each: 1, 2, 4, 8) as codes. */
export function encode(rows: i32, raw: usize, width: i32, kind: i32, codes: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    let code: i64;
    if (kind == DOUBLE) code = codeOfDouble(load<i64>(raw + (row << 3)));
    else if (kind == FLOAT) code = codeOfFloat(load<i32>(raw + (row << 2)));
    else if (width == 8) code = load<i64>(raw + (row << 3));
    else if (width == 4) code = <i64>load<i32>(raw + (row << 2));
    else if (width == 2) code = <i64>load<i16>(raw + (row << 1));
    else code = <i64>load<i8>(raw + row);
    store<i64>(codes + (row << 3), code);
  }
}

/** Codes as raw values; in place where `raw` is `codes`. */
export function decode(rows: i32, codes: usize, width: i32, kind: i32, raw: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const code = load<i64>(codes + (row << 3));
    if (kind == DOUBLE) store<f64>(raw + (row << 3), doubleOfCode(code));
    else if (kind == FLOAT) store<f32>(raw + (row << 2), floatOfCode(code));
    else if (width == 8) store<i64>(raw + (row << 3), code);
    else if (width == 4) store<i32>(raw + (row << 2), <i32>code);
    else if (width == 2) store<i16>(raw + (row << 1), <i16>code);
    else store<i8>(raw + row, <i8>code);
  }
}
