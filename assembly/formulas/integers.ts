/**
 * Integers of 64 to 256 bits, two's complement, limbs of 64 bits from the lowest on. WebAssembly has no pairs: results lie in
 * `r0` … `r3`.
 */

export let r0: u64 = 0;
export let r1: u64 = 0;
export let r2: u64 = 0;
export let r3: u64 = 0;

/** Sets `r`. */
// @ts-ignore: decorator
@inline export function setWide(a0: u64, a1: u64, a2: u64, a3: u64): void {
  r0 = a0;
  r1 = a1;
  r2 = a2;
  r3 = a3;
}

/** 64 × 64 bits, unsigned, to `r0`, `r1`. */
// @ts-ignore: decorator
@inline export function multiply64(a: u64, b: u64): void {
  const al = a & 0xffffffff,
    ah = a >> 32,
    bl = b & 0xffffffff,
    bh = b >> 32;
  const low = al * bl,
    middle = ah * bl + (low >> 32),
    other = al * bh + (middle & 0xffffffff);
  r0 = (other << 32) | (low & 0xffffffff);
  r1 = ah * bh + (middle >> 32) + (other >> 32);
}

/** The product of two signed integers of 128 bits, to `r0` … `r3`. */
export function multiply128(al: u64, ah: u64, bl: u64, bh: u64): void {
  const negative = <i64>(ah ^ bh) < 0;
  if (<i64>ah < 0) {
    al = -al;
    ah = ~ah + <u64>(al == 0);
  }
  if (<i64>bh < 0) {
    bl = -bl;
    bh = ~bh + <u64>(bl == 0);
  }
  multiply64(al, bl);
  if ((ah | bh) == 0) {
    r2 = 0;
    r3 = 0;
  } else {
    const p0 = r0;
    let p1 = r1,
      p2: u64 = 0,
      p3: u64 = 0;
    multiply64(al, bh);
    p1 += r0;
    let carry = <u64>(p1 < r0);
    p2 = r1 + carry;
    p3 = <u64>(p2 < carry);
    multiply64(ah, bl);
    p1 += r0;
    carry = <u64>(p1 < r0);
    const sum = p2 + r1;
    p3 += <u64>(sum < p2);
    p2 = sum + carry;
    p3 += <u64>(p2 < sum);
    multiply64(ah, bh);
    p2 += r0;
    carry = <u64>(p2 < r0);
    r3 = p3 + r1 + carry;
    r0 = p0;
    r1 = p1;
    r2 = p2;
  }
  if (negative) negate256();
}

// @ts-ignore: decorator
@inline export function negate256(): void {
  r0 = -r0;
  let carry = <u64>(r0 == 0);
  r1 = ~r1 + carry;
  carry = <u64>(carry != 0 && r1 == 0);
  r2 = ~r2 + carry;
  carry = <u64>(carry != 0 && r2 == 0);
  r3 = ~r3 + carry;
}

/** `n` (not negative, below 2^31) times the signed integer of 256 bits, to `r0` … `r3`, modulo 2^256. */
export function multiplyBy(n: u64, a0: u64, a1: u64, a2: u64, a3: u64): void {
  multiply64(a0, n);
  const p0 = r0;
  let over = r1;
  multiply64(a1, n);
  const p1 = r0 + over;
  over = r1 + <u64>(p1 < over);
  multiply64(a2, n);
  const p2 = r0 + over;
  over = r1 + <u64>(p2 < over);
  r3 = a3 * n + over;
  r2 = p2;
  r1 = p1;
  r0 = p0;
}

/** `r` minus another integer of 256 bits. */
// @ts-ignore: decorator
@inline export function subtract256(b0: u64, b1: u64, b2: u64, b3: u64): void {
  const d0 = r0 - b0;
  let borrow = <u64>(r0 < b0);
  const d1 = r1 - b1,
    e1 = d1 - borrow;
  borrow = <u64>(r1 < b1) | <u64>(d1 < borrow);
  const d2 = r2 - b2,
    e2 = d2 - borrow;
  borrow = <u64>(r2 < b2) | <u64>(d2 < borrow);
  r3 = r3 - b3 - borrow;
  r2 = e2;
  r1 = e1;
  r0 = d0;
}

/** The signed integer of 256 bits in `r` as the nearest double, ties to even. Leaves its magnitude in `r`. */
export function toDouble(): f64 {
  const negative = <i64>r3 < 0;
  if (negative) negate256();
  let value: f64;
  if ((r1 | r2 | r3) == 0) value = <f64>r0;
  else {
    let top: u64,
      next: u64,
      rest: u64,
      power: i32;
    if (r3 != 0) {
      top = r3;
      next = r2;
      rest = r1 | r0;
      power = 192;
    } else if (r2 != 0) {
      top = r2;
      next = r1;
      rest = r0;
      power = 128;
    } else {
      top = r1;
      next = r0;
      rest = 0;
      power = 64;
    }
    const zeros = clz(top);
    if (zeros != 0) {
      top = (top << zeros) | (next >> (64 - zeros));
      next <<= zeros;
    }
    // What is below 64 bits decides only that the value is no tie.
    if ((next | rest) != 0) top |= 1;
    value = <f64>top * reinterpret<f64>((<u64>(power - <i32>zeros + 1023)) << 52);
  }
  return negative ? -value : value;
}
