/** 2^power; beyond the range of doubles 0 or infinite. */
// @ts-ignore: decorator
@inline export function powerOfTwo(power: i32): f64 {
  if (power > 1023) return Infinity;
  if (power >= -1022) return reinterpret<f64>((<i64>(power + 1023)) << 52);
  return power < -1074 ? 0 : reinterpret<f64>((<i64>1) << (power + 1074));
}
/** value · 2^power, in steps that do not leave the range of doubles on their way; rounded once. */
// @ts-ignore: decorator
@inline export function scaled(value: f64, power: i32): f64 {
  if (power >= -1000 && power <= 1000) return value * powerOfTwo(power);
  if (power > 1000) return value * powerOfTwo(1000) * scaledFurther(power - 1000);
  // A value of more than 53 bits' worth of magnitude keeps normal after the first step.
  return value * powerOfTwo(-900) * scaledFurther(power + 900);
}
// @ts-ignore: decorator
@inline function scaledFurther(power: i32): f64 {
  if (power > 1000) return powerOfTwo(1000) * powerOfTwo(power - 1000);
  return powerOfTwo(power);
}
