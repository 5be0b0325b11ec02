import fc from "fast-check";
import { expect, test } from "vitest";
import { type LayoutNode, layoutOf } from "#daedalus/compiler/explain/layout.js";

const chain: readonly LayoutNode[] = [
  { name: "scan", inputs: [] },
  { name: "side", inputs: [] },
  { name: "join", inputs: ["scan", "side"] },
  { name: "filter", inputs: ["join"] },
  { name: "again", inputs: ["filter", "side"] },
  { name: "sink", inputs: ["again"] },
];

test("the rows go straight down, what is joined stands beside them, above its first reader", () => {
  const { cells, rows, columns } = layoutOf(chain, 3);
  expect(Object.fromEntries(cells)).toEqual({
    scan: { row: 0, column: 0 },
    side: { row: 0, column: 1 },
    join: { row: 1, column: 0 },
    filter: { row: 2, column: 0 },
    again: { row: 3, column: 0 },
    sink: { row: 4, column: 0 },
  });
  expect([rows, columns]).toEqual([5, 2]);
});

test("an edge past other rows takes a free column, else a lane of its own", () => {
  const wayOf = (nodes: readonly LayoutNode[], from: string, to: string, columns: number) =>
    layoutOf(nodes, columns).edges.find((edge) => edge.from === from && edge.to === to)?.way;
  expect(wayOf(chain, "scan", "join", 3)).toEqual({ by: "next" });
  expect(wayOf(chain, "side", "again", 3)).toEqual({ by: "start" });
  expect(wayOf(chain, "side", "again", 1)).toEqual({ by: "gutter", gutter: 1, lane: 1 });
});

/** Any DAG, listed inputs first. */
const dags = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 40 }).map((all) =>
  all.map(
    (inputs, index): LayoutNode => ({
      name: `n${index}`,
      inputs: index === 0 ? [] : [...new Set(inputs.map((input) => `n${input % index}`))],
    }),
  ),
);

test("any DAG: every node has a cell of its own within the columns, below all of its inputs", () => {
  fc.assert(
    fc.property(dags, fc.integer({ min: 1, max: 6 }), (nodes, most) => {
      const { cells, rows, columns, edges, lanes } = layoutOf(nodes, most);
      expect(columns).toBeLessThanOrEqual(most);
      expect(new Set([...cells.values()].map(({ row, column }) => `${row} ${column}`)).size).toBe(nodes.length);
      for (const { name, inputs } of nodes) {
        const own = cells.get(name);
        expect(own?.row).toBeLessThan(rows);
        expect(own?.column).toBeLessThan(columns);
        for (const input of inputs) expect(cells.get(input)?.row).toBeLessThan(own?.row ?? -1);
      }
      expect(edges).toHaveLength(nodes.reduce((sum, { inputs }) => sum + inputs.length, 0));
      const taken = new Set([...cells.values()].map(({ row, column }) => `${row} ${column}`));
      const lanesTaken: { gutter: number; lane: number; from: number; to: number }[] = [];
      for (const { from, to, way } of edges) {
        const [start, end] = [cells.get(from), cells.get(to)];
        if (start === undefined || end === undefined) throw new Error("an edge without ends");
        if (way.by === "next") expect(end.row).toBe(start.row + 1);
        else if (way.by === "gutter") {
          expect(way.lane).toBeLessThan(lanes[way.gutter] ?? 0);
          lanesTaken.push({ ...way, from: start.row, to: end.row });
        } else {
          const column = way.by === "start" ? start.column : end.column;
          for (let row = start.row + 1; row < end.row; row++) expect(taken.has(`${row} ${column}`)).toBe(false);
        }
      }
      // Two edges in one lane never run beside each other.
      for (const one of lanesTaken)
        for (const other of lanesTaken)
          if (one !== other && one.gutter === other.gutter && one.lane === other.lane)
            expect(one.to < other.from || other.to < one.from).toBe(true);
      expect(layoutOf(nodes, most)).toEqual({ rows, columns, cells, edges, lanes });
    }),
    { seed: 7, numRuns: 300 },
  );
});
