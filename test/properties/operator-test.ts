import { afterAll, expect, test } from "vitest";
import { ENGINES } from "../support/rule.js";
import type { Draw } from "./draw.js";
import { addedUp, casesOf, compareCases, described, type Tally } from "./operator-cases.js";
import type { OperatorCases } from "./random-operators.js";

const CHUNK = 500;
const SEEDS_OF_A_CHUNK = 1_000;

/**
 * Cases of one operator against the oracle, bit for bit, on every engine. DAEDALUS_LONG=1: as many as `long`, by the 500.
 * DAEDALUS_SEEDS=10..20: the projects of these seeds. What fails is made small and kept in counter-examples/.
 */
export function operatorTest(
  name: string,
  draw: (draw: Draw) => OperatorCases,
  { fast, long }: { readonly fast: number; readonly long: number },
): void {
  const [from, to] = (process.env["DAEDALUS_SEEDS"] ?? "").split("..").filter(Boolean).map(Number);
  if (from !== undefined && to !== undefined) {
    test(`${name}: the projects of seeds ${from}..${to} on ${ENGINES.join(" and ")}`, {
      timeout: 7_200_000,
    }, async () => {
      const tally = await compareCases(name, draw, numbers(from, to), Number.POSITIVE_INFINITY);
      console.log(described(name, tally));
      expect(tally.faults).toEqual([]);
    });
    return;
  }
  const wanted = process.env["DAEDALUS_LONG"] ? long : fast;
  const tallies: Tally[] = [];
  for (let done = 0, first = 1; done < wanted; done += CHUNK, first += SEEDS_OF_A_CHUNK) {
    const atLeast = Math.min(CHUNK, wanted - done);
    test(`${name}: ${atLeast} random cases from seed ${first} on ${ENGINES.join(" and ")}`, {
      timeout: 3_600_000,
    }, async () => {
      const tally = await compareCases(name, draw, numbers(first, first + SEEDS_OF_A_CHUNK - 1), atLeast);
      tallies.push(tally);
      expect(tally.faults).toEqual([]);
      expect(casesOf(tally)).toBeGreaterThanOrEqual(atLeast);
      // Answers that are empty everywhere would prove little.
      expect(tally.telling).toBeGreaterThan(casesOf(tally) / 2);
    });
  }
  afterAll(() => console.log(described(name, addedUp(tallies))));
}

function* numbers(from: number, to: number): Iterable<number> {
  for (let n = from; n <= to; n++) yield n;
}
