import type { DType } from "../columnar/dtypes.js";
import type { ColumnName } from "../operators/operator.js";
import type { Source } from "../sources/source.js";

/** What the compiler asks of the world outside: schemas and SQL, never rows. */
export interface CompilerPorts {
  /** The source of a view that can be read here; only `schema()` of it is called. */
  readonly sources: (view: string) => Source;
  readonly predicates: PredicateAnalyzer;
  /** The functions of `project.udfs.ts`; undefined where the project has none. Asked once, if a service needs it. */
  readonly udfs: () => Promise<UdfCatalog | undefined>;
}

/** What the functions of a project are called with and give. */
export interface UdfCatalog {
  /** SHA-256 of the bundle. */
  readonly bundle: string;
  readonly functions: ReadonlyMap<string, { readonly arguments: readonly DType[]; readonly returns: DType }>;
}

/** Reads users' SQL expressions. Both calls take many at once, because each is a round trip or two. */
export interface PredicateAnalyzer {
  /** What the texts say, in their order, before any name is known. */
  parse(texts: readonly string[]): Promise<readonly ParsedExpression[]>;
  /** Puts the pipeline's names in place of the users' and binds the expressions over columns of these dtypes. */
  bind(requests: readonly BindRequest[]): Promise<readonly BoundExpression[]>;
}

export type ParsedExpression =
  | {
      readonly ok: true;
      readonly text: string;
      /** Each mention of a column, in the order of the text. */
      readonly columns: readonly ColumnMention[];
      /** The analyzer's own; opaque to others. */
      readonly tree: unknown;
    }
  | { readonly ok: false; readonly text: string; readonly fault: ExpressionFault };

export interface ColumnMention {
  /** `column` or `view`, `column`; more are the user's mistake. */
  readonly parts: readonly string[];
  /** Characters before it in the text; absent if the parser does not say. */
  readonly offset?: number;
}

export interface ExpressionFault {
  /** `evaluation`: it fails whatever the row holds. */
  readonly kind: "syntax" | "refused" | "binding" | "evaluation";
  readonly message: string;
  readonly offset?: number;
  readonly nearest?: string;
}

export interface BindRequest {
  readonly expression: ParsedExpression & { readonly ok: true };
  /** By `parts.join(".")` of the mentions: the pipeline's column. */
  readonly names: ReadonlyMap<string, { readonly name: ColumnName; readonly dtype: DType }>;
  /** A constant: its value is computed and must fit this dtype (`default_sql`). */
  readonly constant?: DType;
}

export type BoundExpression =
  /** `type` is the engine's own name of the result's type; `isNull`: the constant NULL without a type of its own. */
  | {
      readonly ok: true;
      readonly sql: string;
      readonly type: string;
      readonly isNull: boolean;
      readonly valueFault?: string;
    }
  | { readonly ok: false; readonly fault: ExpressionFault };
