export { listOffsets, packValidity } from "./arrow-layout";
export { avgPool, granularities, largestMagnitude, takeVectors } from "./avg-pool";
export { decode, encode, equalityCodes } from "./codes";
export { distinctPath, previousOccurrence } from "./distinct-path";
export { doublePrefix, exponentRange, integerPrefix, specialPrefix, wideBytes, widePrefix } from "./exact-sum";
export {
  assignGroups,
  clearSlots,
  countKeys,
  directTable,
  floorDivide,
  keyRange,
  moveSlots,
  numberKeys,
  placeKeys,
  placeRows,
  scatter,
  startsOf,
  widenRange,
} from "./group-rows";
export { knownNodes, knownTree } from "./known-rows";
export { layRecords, latestRecords, orderPairs, placePairs, recordValues } from "./latest-rows";
export { nextOccurrence } from "./next-occurrence";
export { largestGroup, orderByTime, orderByValue, orderTies } from "./order-groups";
export { ownLists } from "./own-lists";
export { groupRuns, runBounds } from "./run-bounds";
export { scaleTicks } from "./scale-ticks";
export { clearRecords, lookUp, lookUpDirect, recordBytes, windowBounds } from "./window-bounds";
export { windowCount } from "./window-count";
export { extremeLevels, extremeTable, windowExtreme } from "./window-extreme";
export { windowLast } from "./window-last";
export { windowList, windowListCapacity } from "./window-list";
export { numbersOfCodes, windowFloatSum, windowIntegerSum } from "./window-sum";
