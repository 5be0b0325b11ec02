import type { DType } from "../../columnar/dtypes.js";
import { compilerProblem } from "../../errors/compiler.js";
import type { ColumnName, Predicate } from "../../operators/operator.js";
import type { BindRequest, ExpressionFault, ParsedExpression, PredicateAnalyzer } from "../ports.js";
import { constantConverts } from "./conversions.js";
import type { At, Reporter } from "./reporter.js";

/** What a mention of a column stands for; undefined: told already. */
export type Naming = (name: string, at: At) => { readonly name: ColumnName; readonly dtype: DType } | undefined;

interface Pending {
  readonly request: BindRequest;
  readonly at: At;
  readonly done: (sql: string, type: string, isNull: boolean, valueFault: string | undefined) => void;
}

/** The service's SQL expressions: parsed together before names are resolved, bound together afterwards. */
export class Predicates {
  readonly #analyzer: PredicateAnalyzer;
  readonly #report: Reporter;
  readonly #parsed: ReadonlyMap<string, ParsedExpression>;
  readonly #pending: Pending[] = [];

  private constructor(analyzer: PredicateAnalyzer, report: Reporter, parsed: ReadonlyMap<string, ParsedExpression>) {
    this.#analyzer = analyzer;
    this.#report = report;
    this.#parsed = parsed;
  }

  static async parse(analyzer: PredicateAnalyzer, report: Reporter, texts: Iterable<string>): Promise<Predicates> {
    const distinct = [...new Set(texts)];
    const parsed = await analyzer.parse(distinct);
    return new Predicates(
      analyzer,
      report,
      new Map(distinct.map((text, index) => [text, parsed[index] ?? notParsed(text)])),
    );
  }

  /** A predicate whose `sql` stands from `bind` on; undefined if it is refused. */
  predicate(text: string, at: At, naming: Naming): Predicate | undefined {
    const names = this.#names(text, at, naming);
    if (names === undefined) return undefined;
    const predicate = { text, sql: "", columns: [...new Set([...names.bound.values()].map(({ name }) => name))] };
    this.#pending.push({
      request: { expression: names.expression, names: names.bound },
      at,
      done: (sql, type, isNull) => {
        predicate.sql = sql;
        if (type !== "BOOLEAN" && !isNull)
          this.#report.problem((place) => compilerProblem("predicate-not-boolean", { type }, place), at);
      },
    });
    return predicate;
  }

  /** A constant for a column; `use` gets its SQL when it is bound. */
  constant(
    text: string,
    column: { readonly name: string; readonly dtype: DType },
    at: At,
    use: (sql: string) => void,
  ): void {
    const names = this.#names(text, at, (name, place) => {
      this.#report.problem((where) => compilerProblem("default-not-constant", { column: name }, where), place);
      return undefined;
    });
    if (names === undefined) return;
    this.#pending.push({
      request: { expression: names.expression, names: names.bound, constant: column.dtype },
      at,
      done: (sql, type, isNull, valueFault) => {
        use(sql);
        if (!isNull && !constantConverts(type, column.dtype))
          this.#report.problem((place) => compilerProblem("default-sql-type", { type, ...column }, place), at);
        else if (valueFault !== undefined)
          this.#report.problem(
            (place) => compilerProblem("default-sql-value", { message: valueFault, ...column }, place),
            at,
          );
      },
    });
  }

  async bind(): Promise<void> {
    const bound = await this.#analyzer.bind(this.#pending.map(({ request }) => request));
    this.#pending.forEach(({ request, at, done }, index) => {
      const result = bound[index];
      if (result === undefined) return;
      if (result.ok) done(result.sql, result.type, result.isNull, result.valueFault);
      else this.#tell(result.fault, request.expression.text, at);
    });
  }

  #names(text: string, at: At, naming: Naming) {
    const expression = this.#parsed.get(text) ?? notParsed(text);
    if (!expression.ok) {
      this.#tell(expression.fault, text, at);
      return undefined;
    }
    const bound = new Map<string, { readonly name: ColumnName; readonly dtype: DType }>();
    let complete = true;
    for (const { parts, offset } of expression.columns) {
      const written = parts.join(".");
      if (bound.has(written)) continue;
      const place: At = { ...at, within: { text, ...(offset === undefined ? {} : { offset }) } };
      const column = CLOCK.test(written) ? this.#refuseClock(written, place) : naming(written, place);
      if (column === undefined) complete = false;
      else bound.set(written, column);
    }
    return complete ? { expression, bound } : undefined;
  }

  #refuseClock(name: string, at: At): undefined {
    const what = `${name}, whose value may change between two calls,`;
    this.#report.problem((place) => compilerProblem("predicate-refused", { what }, place), at);
  }

  #tell(fault: ExpressionFault, text: string, at: At): void {
    const where: At = { ...at, within: { text, ...(fault.offset === undefined ? {} : { offset: fault.offset }) } };
    this.#report.problem((place) => {
      if (fault.kind === "syntax") return compilerProblem("predicate-syntax", { message: fault.message }, place);
      if (fault.kind === "refused") return compilerProblem("predicate-refused", { what: fault.message }, place);
      if (fault.kind === "evaluation") return compilerProblem("predicate-fails", { message: fault.message }, place);
      return compilerProblem("predicate-does-not-bind", { message: fault.message, nearest: fault.nearest }, place);
    }, where);
  }
}

/** The parser reads these as columns, the binder as the clock or the session. */
const CLOCK =
  /^(current_(date|time|timestamp|localtime|localtimestamp|user|role|schema|catalog|database)|localtime|localtimestamp|session_user)$/i;

function notParsed(text: string): ParsedExpression {
  return { ok: false, text, fault: { kind: "syntax", message: "it was not parsed" } };
}
