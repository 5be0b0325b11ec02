import type { DType } from "../../columnar/dtypes.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import { ageColumn, lookupColumn, rollingColumn, udfColumn } from "../names.js";
import type { Context } from "./context.js";
import type { At } from "./reporter.js";
import type { HiddenColumn, ResolvedAge, ResolvedLookup, ResolvedSpec, ResolvedUdf } from "./resolved-service.js";

/** Where the runtime and the aggregations name what is computed. */
export type ComputedList = "rolling" | "lookups" | "ageColumns" | "udfColumns";

/** What the service's specs, lookups and ages can make, bound when something asks for it. */
export interface Computed {
  readonly rolling: (name: string) => { readonly dtype: DType; readonly spec: ResolvedSpec } | "refused" | undefined;
  readonly lookup: (name: string) => ResolvedLookup | "refused" | undefined;
  readonly age: (name: string) => ResolvedAge | "refused" | undefined;
  /** `late`: it runs with the embeddings. */
  readonly udf: (name: string) => { readonly udf: ResolvedUdf; readonly late: boolean } | "refused" | undefined;
  readonly names: () => Iterable<string>;
  /** True if none of them has the name perhaps only because of a mistake that was told. */
  readonly mayLack: (list: ComputedList, name: string) => boolean;
}

/**
 * The working columns of a row in `curation` and `content_filter`: the contract's, or else hidden ones, by column
 * reference or as an age, lookup or rolling name. `view.column` is the value as it was joined.
 */
export class WorkingColumns {
  readonly #context: Context;
  readonly #computed: Computed;
  readonly #contract: ReadonlyMap<string, DType>;
  readonly #hidden = new Map<string, HiddenColumn>();

  constructor(context: Context, computed: Computed) {
    this.#context = context;
    this.#computed = computed;
    this.#contract = new Map(context.service.columns.map(({ name, dtype }) => [name, dtype]));
  }

  get hidden(): readonly HiddenColumn[] {
    return [...this.#hidden.values()];
  }

  find(name: string, at: At): { readonly name: string; readonly dtype: DType } | undefined {
    if (name.includes(".")) return this.#context.references.find(name, at);
    const declared = this.#contract.get(name);
    if (declared !== undefined) return { name, dtype: declared };
    const known = this.#hidden.get(name) ?? this.#hide(name, at);
    return known === undefined ? undefined : { name: known.name, dtype: known.dtype };
  }

  /** What was joined (also written `view.column`) or computed under a name, whatever the contract calls so; for arguments of functions. */
  computedColumn(name: string, at: At): { readonly dtype: DType; readonly column: string } | undefined {
    const called = this.#context.service.columns.find((column) => column.name === name)?.column;
    return this.#originOf(name, at, {
      where: "the spine, the views in feature_refs, the lookups, ages and aggregations",
      nearest: called ?? nearestName(name, this.#originNames()),
    });
  }

  #hide(name: string, at: At): HiddenColumn | undefined {
    const origin = this.#originOf(name, at, {
      where: "the contract, the spine, the views in feature_refs, the lookups, ages and aggregations",
      nearest: nearestName(name, [...this.#contract.keys(), ...this.#originNames()]),
    });
    if (origin === undefined) return undefined;
    const hidden = { name, ...origin };
    this.#hidden.set(name, hidden);
    return hidden;
  }

  #originNames(): readonly string[] {
    return [...this.#context.references.names(), ...this.#computed.names()];
  }

  /** `told`: of a name that there is not, where it was looked for and what is nearest to it. */
  #originOf(
    name: string,
    at: At,
    told: { readonly where: string; readonly nearest: string | undefined },
  ): { readonly dtype: DType; readonly column: string } | undefined {
    const { references, report } = this.#context;
    if (name.includes(".") || references.has(name)) {
      const found = references.find(name, at);
      return found === undefined ? undefined : { dtype: found.dtype, column: found.name };
    }
    const udf = this.#computed.udf(name);
    if (udf === "refused") return undefined;
    if (udf !== undefined && !udf.late) return { dtype: udf.udf.returns, column: udfColumn(name) };
    const age = this.#computed.age(name);
    if (age !== undefined) return age === "refused" ? undefined : { dtype: "DOUBLE", column: ageColumn(name) };
    const lookup = this.#computed.lookup(name);
    if (lookup !== undefined)
      return lookup === "refused" ? undefined : { dtype: lookup.dtype, column: lookupColumn(name) };
    const rolling = this.#computed.rolling(name);
    if (rolling !== undefined)
      return rolling === "refused" ? undefined : { dtype: rolling.dtype, column: rollingColumn(name) };
    const { service } = this.#context;
    if (udf !== undefined || service.columns.some((column) => column.name === name && column.kind === "embedding")) {
      report.problem((place) => compilerProblem("filled-in-later", { name }, place), at);
      return undefined;
    }
    report.problem(
      (place) =>
        compilerProblem(
          "unresolved-name",
          {
            name,
            ...told,
          },
          place,
        ),
      at,
      this.#mayLack(name),
    );
    return undefined;
  }

  /** Everything that could have had the name. */
  #mayLack(name: string): boolean {
    const { project, service, references } = this.#context;
    return (
      project.mayLack(service, "columns") ||
      project.mayLack(service.columns, name) ||
      references.mayLack(name) ||
      (["rolling", "lookups", "ageColumns", "udfColumns"] as const).some((list) => this.#computed.mayLack(list, name))
    );
  }
}
