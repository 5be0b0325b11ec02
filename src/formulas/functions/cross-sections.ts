import { type FormulaFunction, value } from "./signature.js";

/** What is made of the values of all symbols at the same time; NULLs are left out. */

function crossSection(name: string, says: string): FormulaFunction {
  return {
    name,
    group: "cross-section",
    says,
    arguments: [value("x")],
    build: (graph, values) => graph.add("EVENT", name, {}, values, "Float64"),
  };
}

export const CROSS_SECTIONS: readonly FormulaFunction[] = [
  crossSection("cs_rank", "Average rank ÷ the number of values, in (0, 1]."),
  crossSection("cs_zscore", "(x − mean) ÷ standard deviation, ddof 1."),
  crossSection("cs_demean", "x − mean."),
];
