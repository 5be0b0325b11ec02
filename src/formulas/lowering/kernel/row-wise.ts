import type { FormulaKernels } from "../../../kernels/formula-kernels.js";
import type { KernelLowering } from "./lowering.js";
import { addressesOf, addressOf, type Column, needed } from "./track.js";

type UnaryName = Extract<
  keyof FormulaKernels,
  | "negate"
  | "magnitude"
  | "squareRoot"
  | "floorOf"
  | "ceilOf"
  | "roundOf"
  | "signOf"
  | "logarithm"
  | "exponential"
  | "hyperbolicTangent"
  | "isZero"
>;
type BinaryName = Extract<
  keyof FormulaKernels,
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "modulo"
  | "power"
  | "minimum"
  | "maximum"
  | "less"
  | "lessEqual"
  | "equal"
  | "notEqual"
>;

const use = (columns: readonly Column[]): void => {
  for (const { values, valid } of columns) {
    needed(values, 0);
    needed(valid, 0);
  }
};

function unary(kernel: UnaryName): KernelLowering {
  return (_, planner, [x]) => {
    const given = x as Column;
    const out = { values: planner.values(), valid: given.valid };
    use([given]);
    planner.step(({ machine: { kernels }, rows }) =>
      kernels[kernel](rows, addressOf(given.values), addressOf(out.values)),
    );
    return out;
  };
}

function binary(kernel: BinaryName, swapped = false): KernelLowering {
  return (_, planner, inputs) => {
    const [x, y] = (swapped ? inputs.toReversed() : inputs) as [Column, Column];
    const out = { values: planner.values(), valid: planner.bothValid(x.valid, y.valid) };
    use([x, y]);
    planner.step(({ machine: { kernels }, rows }) =>
      kernels[kernel](rows, addressOf(x.values), addressOf(y.values), addressOf(out.values)),
    );
    return out;
  };
}

function logical(whole: 0 | 1): KernelLowering {
  return (_, planner, inputs) => {
    const [x, y] = inputs as [Column, Column];
    const out = planner.output();
    use(inputs);
    planner.step(({ machine: { kernels }, rows }) => kernels.logical(rows, whole, ...all(x, y, out)));
    return out;
  };
}

const all = (a: Column, b: Column, c: Column): [number, number, number, number, number, number] => [
  ...addressesOf(a),
  ...addressesOf(b),
  ...addressesOf(c),
];

/** All rows have it; written once, and never again. */
const constant: KernelLowering = (node, planner) => {
  const out = planner.output();
  const value = node.params["value"] ?? null;
  planner.step(({ machine: { arena }, rows }) => {
    const [values, valid] = addressesOf(out);
    new Float64Array(arena.memory.buffer, values, rows).fill(Number(value));
    arena.bytesAt(valid, rows).fill(value === null ? 0 : 1);
  });
  return out;
};

export const ROW_WISE: Readonly<Record<string, KernelLowering>> = {
  constant,
  number: (_, __, [x]) => x as Column,
  add: binary("add"),
  subtract: binary("subtract"),
  multiply: binary("multiply"),
  divide: binary("divide"),
  modulo: binary("modulo"),
  power: binary("power"),
  min: binary("minimum"),
  max: binary("maximum"),
  less: binary("less"),
  less_equal: binary("lessEqual"),
  greater: binary("less", true),
  greater_equal: binary("lessEqual", true),
  equal: binary("equal"),
  not_equal: binary("notEqual"),
  negate: unary("negate"),
  abs: unary("magnitude"),
  sqrt: unary("squareRoot"),
  log: unary("logarithm"),
  exp: unary("exponential"),
  sign: unary("signOf"),
  tanh: unary("hyperbolicTangent"),
  floor: unary("floorOf"),
  ceil: unary("ceilOf"),
  round: unary("roundOf"),
  not: unary("isZero"),
  and: logical(0),
  or: logical(1),
  is_null: (_, planner, [x]) => {
    const [given, out] = [x as Column, planner.output()];
    use([given]);
    planner.step(({ machine: { kernels }, rows }) =>
      kernels.isMissing(rows, addressOf(given.valid), ...addressesOf(out)),
    );
    return out;
  },
  coalesce: (_, planner, inputs) => {
    const [x, y] = inputs as [Column, Column];
    const out = planner.output();
    use(inputs);
    planner.step(({ machine: { kernels }, rows }) => kernels.firstValid(rows, ...all(x, y, out)));
    return out;
  },
  if: (_, planner, inputs) => {
    const [condition, a, b] = inputs as [Column, Column, Column];
    const out = planner.output();
    use(inputs);
    planner.step(({ machine: { kernels }, rows }) =>
      kernels.choose(rows, ...addressesOf(condition), ...all(a, b, out)),
    );
    return out;
  },
  clip: (_, planner, inputs) => {
    const [x, low, high] = inputs as [Column, Column, Column];
    const out = { values: planner.values(), valid: x.valid };
    use(inputs);
    planner.step(({ machine: { kernels }, rows }) =>
      kernels.clip(rows, addressOf(x.values), ...addressesOf(low), ...addressesOf(high), addressOf(out.values)),
    );
    return out;
  },
};
