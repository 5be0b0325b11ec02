import { expect, test } from "vitest";
import { layoutOf } from "#daedalus/feature-runs/layout.js";
import { extentOf, passesOf, reaching } from "#daedalus/feature-runs/plan.js";
import { graphOf } from "../formulas/graph-run.js";

const FORMULAS = ["rolling_mean(x, 500)", "rolling_std(x, 2000)", "ema(y, 5)", "lag(x, 7) + y"];

test("a plan is cut in passes as the memory says: each makes its own part of it, together they make all", () => {
  const { graph, nodes } = graphOf(FORMULAS);
  const given = graph.nodes.filter(({ primitive }) => primitive === "SOURCE");
  const whole = { nodes: graph.nodes, given, kept: nodes };
  expect(passesOf(whole, 5000, 1e9)).toEqual([whole]);
  const passes = passesOf(whole, 5000, 1);
  // A window over more rows than there are takes no room for them.
  const far = graphOf(["rolling_mean(x, 3000000)", "rolling_std(x, 3600000)"]);
  const sources = far.graph.nodes.filter(({ primitive }) => primitive === "SOURCE");
  expect(passesOf({ nodes: far.graph.nodes, given: sources, kept: far.nodes }, 1000, 1e7).length).toBe(1);
  expect(passesOf({ nodes: far.graph.nodes, given: sources, kept: far.nodes }, 4_000_000, 1e7).length).toBe(2);
  expect(passes.map(({ kept }) => kept)).toEqual(nodes.map((node) => [node]));
  for (const { nodes: own, given: brought, kept } of passes) {
    const ids = new Set(own.map(({ id }) => id));
    expect(own.every((node) => brought.includes(node) || node.inputs.every((id) => ids.has(id)))).toBe(true);
    expect(kept.every(({ id }) => ids.has(id))).toBe(true);
  }
  expect(passes[2]?.given.map(({ params }) => params["name"])).toEqual(["y"]);
});

test("how far a plan looks back is the farthest of what it keeps; what is staged has looked already", () => {
  const { graph, nodes } = graphOf(FORMULAS);
  const given = graph.nodes.filter(({ primitive }) => primitive === "SOURCE");
  const whole = { nodes: graph.nodes, given, kept: nodes };
  const [mean, std, ema, lagged] = nodes as [
    (typeof nodes)[0],
    (typeof nodes)[0],
    (typeof nodes)[0],
    (typeof nodes)[0],
  ];
  expect(extentOf(reaching(whole, [mean, lagged]))).toBe(499);
  expect(extentOf(reaching(whole, [std]))).toBe(1999);
  expect(extentOf(whole)).toBe(Number.POSITIVE_INFINITY);
  expect(extentOf(reaching({ ...whole, given: [...given, ema] }, [ema, lagged]))).toBe(7);
});

test("rows are cut in groups: small symbols together, long ones alone, of the rows before the start no more than is looked back at", () => {
  const symbols = [
    { symbol: "a", rows: 3, before: 0 },
    { symbol: "b", rows: 4, before: 4 },
    { symbol: "c", rows: 5, before: 3 },
    { symbol: "d", rows: 25, before: 12 },
  ];
  const layout = layoutOf(symbols, { most: 10, extent: 2, whole: false });
  // Of b nothing is written: its rows are passed over.
  expect(layout.skipped).toEqual([0, 4, 1, 10]);
  expect(layout.units.map((groups) => groups.map(({ rows, keptRows }) => [rows, keptRows]))).toEqual([
    [[7, 5]],
    [
      [10, 8],
      [5, 5],
    ],
  ]);
  expect([layout.keptRows, layout.most]).toEqual([18, 15]);
  const first = layout.units[0]?.[0];
  expect(first?.segments.map(({ symbol, rows, warmUp }) => [symbol, rows, warmUp])).toEqual([
    [0, 3, 0],
    [2, 4, 2],
  ]);
  expect(first?.kept).toEqual([
    [0, 3],
    [5, 7],
  ]);
  const whole = layoutOf(symbols, { most: 10, extent: Number.POSITIVE_INFINITY, whole: true });
  expect(whole.units.map((groups) => groups.map(({ rows }) => rows))).toEqual([[8], [25]]);
});
