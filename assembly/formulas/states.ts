/**
 * Recurrences. Their state is the double of plain arithmetic and what that lacks of the exact one (f64 each), which follows the
 * same recurrence: so the errors of millions of rows do not add up, and neither waits for the other. What is not finite acts as in
 * plain arithmetic, and stays. A NULL leaves the state as it is.
 */

const SPLITTER: f64 = 134217729; // 2^27 + 1
const LARGE: f64 = 1e290;

let productLow: f64 = 0;
/** a · b, and what its rounding lost. */
// @ts-ignore: decorator
@inline function twoProduct(a: f64, b: f64): f64 {
  const product = a * b;
  if (abs(a) > LARGE || abs(b) > LARGE || !isFinite(product) || abs(product) < 1e-280) {
    productLow = 0;
    return product;
  }
  const ca = SPLITTER * a,
    ah = ca - (ca - a),
    al = a - ah,
    cb = SPLITTER * b,
    bh = cb - (cb - b),
    bl = b - bh;
  productLow = ((ah * bh - product) + ah * bl + al * bh) + al * bl;
  return product;
}
let sumLow: f64 = 0;
// @ts-ignore: decorator
@inline function twoSum(a: f64, b: f64): f64 {
  const sum = a + b;
  const part = sum - a;
  sumLow = isFinite(sum) ? a - (sum - part) + (b - part) : 0;
  return sum;
}

/** s = alpha · s + x. State: high, low. */
export function decayAccumulate(
  rows: i32,
  alpha: f64,
  values: usize,
  given: usize,
  state: usize,
  out: usize,
  valid: usize,
): void {
  let high = load<f64>(state),
    low = load<f64>(state, 8);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (load<u8>(given + row) != 0) {
      const x = load<f64>(values + (row << 3));
      const product = twoProduct(alpha, high),
        lost = productLow;
      high = twoSum(product, x);
      low = isFinite(high) ? alpha * low + (lost + sumLow) : 0;
    }
    store<f64>(out + (row << 3), high + low);
  }
  store<f64>(state, high);
  store<f64>(state, low, 8);
  memory.fill(valid, 1, rows);
}

/** y = alpha · x + (1 − alpha) · y, begun by the first value. State: high, low, whether it has begun (i32). */
export function exponentialMean(
  rows: i32,
  alpha: f64,
  values: usize,
  given: usize,
  state: usize,
  out: usize,
  valid: usize,
): void {
  let high = load<f64>(state),
    low = load<f64>(state, 8),
    begun = load<i32>(state, 16) != 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (load<u8>(given + row) != 0) {
      const x = load<f64>(values + (row << 3));
      if (!begun) {
        begun = true;
        high = x;
        low = 0;
      } else if (!isFinite(x) || !isFinite(high)) {
        high = alpha * x + (1 - alpha) * high;
        low = 0;
      } else {
        // y + alpha · (x − y): the weights then add up to 1 whatever alpha is as a double.
        const distance = twoSum(x, -high),
          far = sumLow;
        if (isFinite(distance)) {
          const product = twoProduct(alpha, distance),
            lost = productLow;
          high = twoSum(high, product);
          low = isFinite(high) ? low + alpha * (far - low) + (lost + sumLow) : 0;
        } else {
          high = alpha * x + (1 - alpha) * high;
          low = 0;
        }
      }
    }
    store<f64>(out + (row << 3), high + low);
    store<u8>(valid + row, <u8>begun);
  }
  store<f64>(state, high);
  store<f64>(state, low, 8);
  store<i32>(state, <i32>begun, 16);
}
