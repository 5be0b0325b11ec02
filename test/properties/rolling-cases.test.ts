import { describe } from "vitest";
import { operatorTest } from "./operator-test.js";
import { rollingCases } from "./random-operators.js";

// With operator-cases.test.ts: 10,000 cases in DAEDALUS_LONG=1. A file of its own, so that both run at once.

describe("rolling aggregates", () => {
  operatorTest("rolling", rollingCases, { fast: 100, long: 6_000 });
});
