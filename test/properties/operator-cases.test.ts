import { describe } from "vitest";
import { operatorTest } from "./operator-test.js";
import { filterCases, joinCases, lookupCases, projectCases } from "./random-operators.js";

// What a case is: random-operators.ts. With rolling-cases.test.ts: 10,000 of them in DAEDALUS_LONG=1.

describe("operators", () => {
  operatorTest("lookup", lookupCases, { fast: 60, long: 1_200 });
  operatorTest("joins", joinCases, { fast: 30, long: 1_000 });
  operatorTest("project", projectCases, { fast: 40, long: 1_500 });
  operatorTest("filter", filterCases, { fast: 4, long: 300 });
});
