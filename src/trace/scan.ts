import type { DType } from "../columnar/dtypes.js";
import { identifier } from "../engines/sql/text.js";
import type { ColumnName } from "../operators/operator.js";
import type { Scan } from "../operators/scan.js";
import { MOST_ROWS_READ, type Reading, scanSchema, TooManyRows } from "./reading.js";
import type { Relation } from "./relation.js";
import type { Cell, Row } from "./row.js";
import { constantOf, readable, tuplesOf, valueRead } from "./sql-values.js";
import type { Value } from "./values.js";

/**
 * The rows of a view, asked for by keys. The scan's time range is left out on purpose: windows and joins say by themselves
 * which rows enter, so that a range which is too narrow shows as a difference.
 */
export class ScanRelation implements Relation {
  readonly view: string;
  readonly dtypes: ReadonlyMap<ColumnName, DType>;

  constructor(
    private readonly self: Scan,
    private readonly reading: Reading,
  ) {
    this.view = self.view;
    this.dtypes = new Map([...scanSchema(self), ...reading.more(self.view)].map(({ name, dtype }) => [name, dtype]));
  }

  async rowsWith(columns: readonly ColumnName[], tuples: readonly (readonly Value[])[]): Promise<readonly Row[]> {
    if (tuples.length === 0) return [];
    const typed = columns.map((name) => ({ name, dtype: this.dtypes.get(name) ?? "BIGINT" }));
    const [only] = typed;
    if (typed.length === 1 && only !== undefined && tuples.length <= FEW) {
      const values = tuples.map(([value]) => keyConstant(value ?? null, only.dtype));
      return this.#rows(`WHERE r.${identifier(only.name)} IN (${values.join(", ")})`);
    }
    const wide = typed.map(({ dtype }) => keyDType(dtype));
    const same = typed.map(({ name }, index) => `r.${identifier(name)} = k.k${index}`).join(" AND ");
    return this.#rows(`SEMI JOIN ${tuplesOf(wide, tuples, "k")} ON ${same}`);
  }

  /** The rows that SQL over the scan's columns (of `r`) selects. Throws TooManyRows. */
  rowsWhere(condition: string): Promise<readonly Row[]> {
    return this.#rows(`WHERE ${condition}`);
  }

  /** Some of these rows, the same for equal seeds: those whose values of some columns have the least hashes. */
  someRowsWhere(
    condition: string,
    columns: readonly ColumnName[],
    seed: number,
    most: number,
  ): Promise<readonly Row[]> {
    const hashed = [...columns.map((name) => `r.${identifier(name)}`), String(seed)];
    return this.#rows(`WHERE ${condition} ORDER BY hash(${hashed.join(", ")}) ASC NULLS FIRST`, most);
  }

  async #rows(clauses: string, most = MOST_ROWS_READ + 1): Promise<readonly Row[]> {
    const names = [...this.dtypes.keys()];
    const terms = [...this.dtypes].map(
      ([name, dtype], index) => `${readable(`r.${identifier(name)}`, dtype)} AS c${index}`,
    );
    if (this.reading.places) terms.push('r."@file" AS file', 'r."@row" AS "row"');
    const { predicate } = this.self;
    if (predicate !== undefined) terms.push(`coalesce((${predicate.sql}), FALSE) AS passes`);
    const found = await this.reading.select(this.view, terms, `${clauses} LIMIT ${most}`);
    if (found.length > MOST_ROWS_READ)
      throw new TooManyRows(`view "${this.view}" has more than ${MOST_ROWS_READ} rows of these keys`);
    const rows = found.map((answer): Row => {
      const place = this.reading.places
        ? { view: this.view, file: String(answer["file"]), row: Number(answer["row"]) + 1 }
        : undefined;
      const steps = [
        {
          type: "scan" as const,
          operator: this.self.name,
          view: this.view,
          ...(place === undefined ? {} : { row: { file: place.file, row: place.row } }),
        },
      ];
      const cells = new Map<ColumnName, Cell>(
        names.map((name, index) => [name, { value: valueRead(answer[`c${index}`]), steps }]),
      );
      return { cells, passes: answer["passes"] !== false, ...(place === undefined ? {} : { place }) };
    });
    this.reading.wasRead(this.view, rows);
    return rows;
  }
}

/** Keys that are written out one by one, so that statistics of the files can skip what has none of them. */
const FEW = 20;

/** Integers of unlike widths are compared by value. */
function keyDType(dtype: DType): DType {
  return dtype === "TINYINT" || dtype === "SMALLINT" || dtype === "INTEGER" ? "BIGINT" : dtype;
}

function keyConstant(value: Value, dtype: DType): string {
  return constantOf(value, keyDType(dtype));
}
