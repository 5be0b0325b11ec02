import type { DType } from "../../columnar/dtypes.js";
import type { Project } from "../../definitions/project.js";
import type { FeatureRef, Runtime } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import type { KeyPair } from "../../operators/operator.js";
import { viewColumn } from "../names.js";
import { comparable } from "./conversions.js";
import type { At, Reporter } from "./reporter.js";
import type { BoundColumn, BoundRef, BoundView } from "./resolved-service.js";
import type { ViewBook } from "./views.js";

/** A column of the spine view or of a joined one. */
export interface Reference {
  readonly view: BoundView;
  readonly column: BoundColumn;
  /** `view.column` */
  readonly name: string;
  readonly dtype: DType;
  readonly unknown: boolean;
}

export function referenceTo(view: BoundView, column: BoundColumn): Reference {
  return {
    view,
    column,
    name: viewColumn(view.name, column.name),
    dtype: column.dtype,
    unknown: column.unknown === true,
  };
}

/** Column references: bare, first the spine view, else the only view of `feature_refs` that has the column. */
export class References {
  readonly spine: BoundView;
  readonly #views: ViewBook;
  readonly #report: Reporter;
  readonly #refs: ReadonlyMap<string, FeatureRef>;
  readonly #bound = new Map<string, BoundRef>();
  /** A view of `feature_refs` was left out, or has a name that no view has. */
  readonly #mayLackView: boolean;
  /** Which views of `feature_refs` have a bare name. */
  readonly #having = new Map<string, string[]>();

  constructor(project: Project, spine: BoundView, runtime: Runtime, views: ViewBook, report: Reporter) {
    const { featureRefs: refs } = runtime;
    this.spine = spine;
    this.#mayLackView =
      project.mayLack(runtime, "featureRefs") ||
      project.mayLack(refs) ||
      refs.some(({ view }) => !project.views.has(view));
    this.#views = views;
    this.#report = report;
    const known = new Map<string, FeatureRef>();
    for (const ref of refs) {
      const view = views.peek(ref.view);
      if (view === undefined || ref.view === spine.name || known.has(ref.view)) continue;
      known.set(ref.view, ref);
      for (const column of view.columns.keys()) {
        const having = this.#having.get(column);
        if (having === undefined) this.#having.set(column, [ref.view]);
        else having.push(ref.view);
      }
    }
    this.#refs = known;
  }

  /** True if no view of `feature_refs` has the name perhaps only because of a mistake that was told. */
  mayLackOther(name: string): boolean {
    return this.#mayLackView || [...this.#refs.keys()].some((view) => this.#views.mayLack(view, name));
  }

  /** The same of a bare name, which the spine view may have, too. */
  mayLack(name: string): boolean {
    return this.mayLackOther(name) || this.#views.mayLack(this.spine.name, name);
  }

  /** The views that were referenced, in `feature_refs` order. */
  get used(): readonly BoundRef[] {
    return [...this.#refs.keys()].flatMap((name) => this.#bound.get(name) ?? []);
  }

  /** All names that a bare reference could have meant. */
  *names(): Iterable<string> {
    yield* this.spine.columns.keys();
    yield* this.#having.keys();
  }

  /** The columns of the views in `feature_refs`. */
  otherNames(): Iterable<string> {
    return this.#having.keys();
  }

  /** True if the text names a column, without telling anything. */
  has(text: string): boolean {
    return !text.includes(".") && (this.spine.columns.has(text) || this.#having.has(text));
  }

  find(text: string, at: At): Reference | undefined {
    if (text.includes(".")) return this.#qualified(text, at);
    const own = this.spine.columns.get(text);
    return own === undefined ? this.other(text, at) : referenceTo(this.spine, own);
  }

  /** Among the views of `feature_refs` only (`kind: static`). */
  other(text: string, at: At): Reference | undefined {
    if (text.includes(".")) return this.#qualified(text, at);
    const having = this.#having.get(text) ?? [];
    const [only] = having;
    if (only === undefined) {
      this.#report.problem(
        (place) =>
          compilerProblem(
            "unresolved-name",
            {
              name: text,
              where: `the spine view "${this.spine.name}" or of a view in feature_refs`,
              nearest: nearestName(text, this.names()),
            },
            place,
          ),
        at,
        this.mayLack(text),
      );
      return undefined;
    }
    if (having.length > 1) {
      this.#report.problem((place) => compilerProblem("ambiguous-column", { name: text, views: having }, place), at);
      return undefined;
    }
    return this.#of(only, text, at);
  }

  /** The views that have the bare name, the spine view not counted. */
  viewsHaving(text: string): readonly string[] {
    return this.#having.get(text) ?? [];
  }

  /** A column of the spine view, bare or written `spine.column`. */
  ofSpine(text: string, at: At): Reference | undefined {
    const prefix = `${this.spine.name}.`;
    const name = text.startsWith(prefix) ? text.slice(prefix.length) : text;
    const column = this.spine.columns.get(name);
    if (column !== undefined) return referenceTo(this.spine, column);
    this.#report.problem(
      (place) =>
        compilerProblem(
          "not-spine-column",
          { name: text, spine: this.spine.name, nearest: nearestName(name, this.spine.columns.keys()) },
          place,
        ),
      at,
      this.#views.mayLack(this.spine.name, name),
    );
    return undefined;
  }

  #qualified(text: string, at: At): Reference | undefined {
    const dot = text.indexOf(".");
    const [view, column] = [text.slice(0, dot), text.slice(dot + 1)];
    if (view === this.spine.name) {
      const own = this.spine.columns.get(column);
      if (own !== undefined) return referenceTo(this.spine, own);
      this.#unknown(this.spine, column, at);
      return undefined;
    }
    if (this.#refs.has(view)) return this.#of(view, column, at);
    const nearest = nearestName(view, [this.spine.name, ...this.#refs.keys()]);
    this.#report.problem(
      (place) =>
        compilerProblem(
          "view-not-referenced",
          { name: text, view, nearest: nearest === undefined ? undefined : `${nearest}.${column}` },
          place,
        ),
      at,
      this.#mayLackView,
    );
    return undefined;
  }

  #of(viewName: string, columnName: string, at: At): Reference | undefined {
    const ref = this.#refs.get(viewName);
    const view = this.#views.touch(viewName);
    if (ref === undefined || view === undefined) return undefined;
    const column = view.columns.get(columnName);
    if (column === undefined) {
      this.#unknown(view, columnName, at);
      return undefined;
    }
    if (!this.#bound.has(viewName)) this.#bound.set(viewName, this.#bind(ref, view));
    return referenceTo(view, column);
  }

  #unknown(view: BoundView, name: string, at: At): void {
    this.#report.problem(
      (place) =>
        compilerProblem(
          "unknown-column",
          { name, view: view.name, nearest: nearestName(name, view.columns.keys()) },
          place,
        ),
      at,
      this.#views.mayLack(view.name, name),
    );
  }

  #bind(ref: FeatureRef, view: BoundView): BoundRef {
    const at: At = { definition: ref, key: "view" };
    if (ref.asOf === "event" && view.time === undefined)
      this.#report.problem(
        (place) => compilerProblem("time-needed", { view: view.name, for: "as_of: event" }, place),
        at,
        this.#views.mayLackTime(view.name),
      );
    return { view, asOf: ref.asOf, on: this.keyPairs(view, undefined, at) };
  }

  /** The equalities of `match`, or of the view's key columns. */
  keyPairs(view: BoundView, match: Readonly<Record<string, string>> | undefined, at: At): readonly KeyPair[] {
    const wanted = match === undefined ? view.keys.map((key) => [key, key] as const) : Object.entries(match);
    return wanted.flatMap(([right, left]): readonly KeyPair[] => {
      const where = match === undefined ? at : { definition: match, key: right };
      const rightColumn = view.columns.get(right);
      if (rightColumn === undefined) this.#unknown(view, right, where);
      const leftColumn = this.spine.columns.get(left);
      if (leftColumn === undefined)
        this.#report.problem(
          (place) =>
            compilerProblem(
              "key-not-in-spine",
              {
                name: left,
                view: view.name,
                spine: this.spine.name,
                nearest: nearestName(left, this.spine.columns.keys()),
              },
              place,
            ),
          where,
          this.#views.mayLack(this.spine.name, left),
        );
      if (leftColumn === undefined || rightColumn === undefined) return [];
      const pair = { left: viewColumn(this.spine.name, left), right: viewColumn(view.name, right) };
      if (!leftColumn.unknown && !rightColumn.unknown && !comparable(leftColumn.dtype, rightColumn.dtype))
        this.#report.problem(
          (place) =>
            compilerProblem(
              "key-types-differ",
              { ...pair, leftType: leftColumn.dtype, rightType: rightColumn.dtype },
              place,
            ),
          where,
        );
      return [pair];
    });
  }
}
