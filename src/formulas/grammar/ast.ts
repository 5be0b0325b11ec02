/** Where something stands in a formula's text: UTF-16 code units, half-open. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "**";
export type ComparisonOperator = "<" | "<=" | ">" | ">=" | "==" | "!=";
export type LogicalOperator = "and" | "or";
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | LogicalOperator;
export type UnaryOperator = "-" | "+" | "not";

/** A formula's tree: frozen plain data. */
export type Formula = Literal | ColumnName | ParameterName | Unary | Binary | Call;

/** `1.5`, `True`, `None` (NULL), `nan`, `inf`. */
export interface Literal {
  readonly kind: "literal";
  readonly value: number | boolean | null;
  readonly span: Span;
}

/** A bare name, which may also be a parameter's or a feature's; with a table, a column of that one. */
export interface ColumnName {
  readonly kind: "column";
  readonly table?: string;
  readonly name: string;
  readonly span: Span;
}

/** `$name`. */
export interface ParameterName {
  readonly kind: "parameter";
  readonly name: string;
  readonly span: Span;
}

export interface Unary {
  readonly kind: "unary";
  readonly operator: UnaryOperator;
  readonly operand: Formula;
  readonly span: Span;
}

export interface Binary {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Formula;
  readonly right: Formula;
  readonly span: Span;
}

export interface Call {
  readonly kind: "call";
  readonly function: string;
  readonly functionSpan: Span;
  /** Positional ones come first. */
  readonly arguments: readonly Argument[];
  readonly span: Span;
}

export interface Argument {
  readonly keyword?: { readonly name: string; readonly span: Span };
  readonly value: Formula;
}

/** What a node is made of, in order. */
export function operandsOf(formula: Formula): readonly Formula[] {
  switch (formula.kind) {
    case "unary":
      return [formula.operand];
    case "binary":
      return [formula.left, formula.right];
    case "call":
      return formula.arguments.map(({ value }) => value);
    default:
      return [];
  }
}

/**
 * A value for the whole tree, made from the values of its parts (all of them unless `partsOf` says which). Without recursion: a
 * sum of thousands of terms is a tree as deep.
 */
export function foldFormula<Value>(
  formula: Formula,
  make: (node: Formula, parts: readonly Value[]) => Value,
  partsOf: (node: Formula) => readonly Formula[] = operandsOf,
): Value {
  interface Waiting {
    readonly node: Formula;
    readonly wanted: readonly Formula[];
    readonly parts: Value[];
  }
  const opened = (node: Formula): Waiting => ({ node, wanted: partsOf(node), parts: [] });
  const waiting = [opened(formula)];
  for (;;) {
    const top = waiting[waiting.length - 1];
    if (top === undefined) throw new RangeError("an empty formula");
    const next = top.wanted[top.parts.length];
    if (next !== undefined) {
      waiting.push(opened(next));
      continue;
    }
    const value = make(top.node, top.parts);
    waiting.pop();
    const above = waiting[waiting.length - 1];
    if (above === undefined) return value;
    above.parts.push(value);
  }
}
