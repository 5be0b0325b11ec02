import { expect, test } from "vitest";
import { CrossSections } from "#daedalus/formulas/features/cross-sections.js";
import { type Cells, crossSectionOracle } from "../oracles/formulas.js";
import { difference } from "./graph-run.js";
import { KINDS, nastyColumn, pick, type Random, randomFrom } from "./nasty-columns.js";

// Times of few and of many rows, of values that lie near and far, against exact rationals.

const OPS = ["cs_rank", "cs_demean", "cs_zscore"] as const;

function columnOf(cells: Cells) {
  return {
    values: Float64Array.from(cells, (cell) => cell ?? 99),
    valid: Uint8Array.from(cells, (cell) => Number(cell !== null)),
  };
}

function endsOf(random: Random, rows: number): Int32Array {
  const ends: number[] = [];
  for (let row = 0; row < rows; ) {
    row = Math.min(rows, row + 1 + Math.floor(random() * pick(random, [1, 3, 40, 200])));
    ends.push(row);
  }
  return Int32Array.from(ends);
}

test.each(OPS)("%s against the oracle", (op) => {
  const sections = new CrossSections();
  const rounds = process.env["DAEDALUS_LONG"] ? 600 : 4;
  for (let round = 0; round < rounds; round++)
    for (const kind of Object.keys(KINDS)) {
      const random = randomFrom(round * 100 + kind.length);
      const cells = nastyColumn(random, 500, kind);
      const ends = endsOf(random, cells.length);
      const { values, valid } = sections.compute(op, columnOf(cells), { ends });
      for (const [time, end] of ends.entries()) {
        const from = ends[time - 1] ?? 0;
        const wanted = crossSectionOracle(op, cells.slice(from, end));
        const found = wanted.map((_, row) => (valid[from + row] === 1 ? (values[from + row] as number) : null));
        const apart = wanted.map((answer, row) => difference(found[row] as number | null, answer)).find(Boolean);
        expect([round, kind, time, apart]).toEqual([round, kind, time, undefined]);
      }
    }
});

test("what a row is given depends neither on other times nor on how many there are", () => {
  const random = randomFrom(7);
  const rows = 70_000;
  const cells = Array.from({ length: rows }, () =>
    random() < 0.1 ? null : random() < 0.001 ? 1e-300 : Math.round(random() * 1e6) / 1e3,
  );
  // One time has more rows than the kernels are given of several.
  const ends = Int32Array.of(3, 100, 66_500, 69_990, rows);
  for (const op of OPS) {
    const whole = new CrossSections().compute(op, columnOf(cells), { ends });
    for (const [time, end] of ends.entries()) {
      const from = ends[time - 1] ?? 0;
      const alone = new CrossSections().compute(op, columnOf(cells.slice(from, end)), {
        ends: Int32Array.of(end - from),
      });
      expect(Buffer.from(whole.values.slice(from, end).buffer).equals(Buffer.from(alone.values.buffer))).toBe(true);
      expect(whole.valid.slice(from, end)).toEqual(alone.valid);
    }
  }
});
