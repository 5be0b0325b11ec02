export { crossMoments, crossRanks } from "./formulas/cross-sections";
export { slideExtreme } from "./formulas/extremes";
export { fullCovariances, fullScores, fullSums, fullVariances, spreads } from "./formulas/full-windows";
export { bitRange, rescale, sumPlaces, sumProducts, sumUp } from "./formulas/moments";
export {
  windowCovariances,
  windowScores,
  windowSlopes,
  windowSums,
  windowVariances,
} from "./formulas/moment-windows";
export { clearOrdered, growOrdered, orderedBytes, slideOrdered } from "./formulas/ordered";
export { slideRankCorrelation } from "./formulas/rank-correlation";
export {
  add,
  bothValid,
  ceilOf,
  choose,
  clip,
  divide,
  equal,
  exponential,
  firstValid,
  floorOf,
  hyperbolicTangent,
  isMissing,
  isZero,
  less,
  lessEqual,
  logarithm,
  logical,
  magnitude,
  maximum,
  minimum,
  modulo,
  multiply,
  negate,
  notEqual,
  power,
  roundOf,
  signOf,
  squareRoot,
  subtract,
} from "./formulas/row-wise";
export { sumPowers, windowShapes } from "./formulas/shapes";
export { decayAccumulate, exponentialMean } from "./formulas/states";
export { countOf, tally } from "./formulas/tallies";

/** Where the memory that the kernels themselves need ends: tables of logarithms and powers. */
export function ownMemory(): usize {
  return __heap_base;
}
