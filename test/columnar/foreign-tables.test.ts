import { createRequire } from "node:module";
import * as own from "apache-arrow";
import * as latest from "apache-arrow-latest";
import { aggregatePitTable, FeatureEngine, PIT_TABLE_ENGINES } from "daedalus";
import { expect, test } from "vitest";
import { ownTable } from "#daedalus/columnar/foreign-tables.js";

// Tables that another copy or version of apache-arrow has made.

/** The module twice over: its classes are not those of the first one. */
const copy = createRequire(import.meta.url)("apache-arrow") as typeof own;

type Arrow = Pick<
  typeof own,
  | "Bool"
  | "DateDay"
  | "Decimal"
  | "Dictionary"
  | "Field"
  | "FixedSizeList"
  | "Float32"
  | "Float64"
  | "Int16"
  | "Int32"
  | "Int64"
  | "List"
  | "Struct"
  | "Table"
  | "TimestampMicrosecond"
  | "Utf8"
  | "vectorFromArray"
>;

const others: Readonly<Record<string, Arrow>> = { latest: latest as unknown as Arrow, copy };

function columnsOf(arrow: Arrow) {
  const { vectorFromArray: vector } = arrow;
  const item = new arrow.Field("item", new arrow.Float32(), true);
  const dictionary = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
  return {
    user: vector([1n, 2n, 1n, 2n, 1n], new arrow.Int64()),
    ts: vector([1, 2, 3, 4, 5], new arrow.TimestampMicrosecond()),
    small: vector([1, null, 3, 4, 5], new arrow.Int16()),
    x: vector([0.5, null, -0, Number.NaN, 7], new arrow.Float64()),
    flag: vector([true, false, null, true, true], new arrow.Bool()),
    day: vector([new Date(0), new Date(86_400_000), null, new Date(0), new Date(0)], new arrow.DateDay()),
    text: vector(["a", "äö", null, "", "é"], new arrow.Utf8()),
    word: vector(["b", "a", null, "b", "a"], dictionary),
    list: vector([[1, 2], [], null, [3], [null, 4]], new arrow.List(item)),
    pair: vector([[1, 2], [3, 4], null, [5, 6], [7, 8]], new arrow.FixedSizeList(2, item)),
    struct: vector(
      [{ item: 1 }, { item: 2 }, null, { item: 3 }, { item: 4 }],
      new arrow.Struct([item]) as unknown as own.Struct,
    ),
  };
}

const textOf = (table: { getChild(name: string): unknown; schema: { fields: readonly { name: string }[] } }) =>
  table.schema.fields.map(({ name }) => `${name}: ${String(table.getChild(name))}`);

const specs = [
  { name: "seen", agg: "list", sourceColumn: "word", partitionBy: "user", windows: ["all"] },
  { name: "sum", agg: "sum", sourceColumn: "x", partitionBy: "user", windows: ["all", "1s"] },
  { name: "texts", agg: "last", sourceColumn: "text", partitionBy: "user", windows: ["all"] },
] as const;

for (const [name, arrow] of Object.entries(others)) {
  test(`${name}: every column has the same type and values, cut and in several batches too`, () => {
    const mine = new own.Table(columnsOf(own));
    const foreign = new arrow.Table(columnsOf(arrow) as never) as unknown as own.Table;
    expect(foreign).not.toBeInstanceOf(own.Table);
    for (const pick of [(table: own.Table) => table, (table: own.Table) => table.slice(1, 4)]) {
      const table = ownTable(pick(foreign));
      expect(table).toBeInstanceOf(own.Table);
      expect(textOf(table)).toEqual(textOf(pick(mine)));
      expect(table.schema.fields.map(String)).toEqual(mine.schema.fields.map(String));
    }
    const twice = foreign.concat(foreign.slice(2, 5));
    expect(textOf(ownTable(twice))).toEqual(textOf(mine.concat(mine.slice(2, 5))));
    // What came is what goes back: nothing is copied.
    expect(ownTable(foreign).getChild("x")?.data[0]?.values).toBe(foreign.getChild("x")?.data[0]?.values);
  });

  test(`${name}: aggregatePitTable and computeFeatures take them`, async () => {
    const mine = new own.Table(columnsOf(own));
    const foreign = new arrow.Table(columnsOf(arrow) as never) as unknown as own.Table;
    for (const engine of PIT_TABLE_ENGINES) {
      const options = { timestampColumn: "ts", engine };
      const wanted = await aggregatePitTable(mine, specs, options);
      expect(textOf(await aggregatePitTable(foreign, specs, options))).toEqual(textOf(wanted));
      const viewed = [
        { name: "sum", agg: "sum", view: "other", sourceColumn: "x", match: { user: "user" }, windows: ["all"] },
      ] as const;
      const views = (table: own.Table) => ({ ...options, views: { other: { table, timestampColumn: "ts" } } });
      expect(textOf(await aggregatePitTable(foreign, viewed, views(foreign)))).toEqual(
        textOf(await aggregatePitTable(mine, viewed, views(mine))),
      );
    }
    const frameOf = (of: Arrow) => {
      const { ts, x, small, flag } = columnsOf(of);
      return new of.Table({ event_time: ts, x, small, flag } as never) as unknown as own.Table;
    };
    const features = [{ name: "f", formula: "x + coalesce(small, 0) + if(flag, 1, 2)" }];
    const computed = async (bars: own.Table) =>
      textOf((await new FeatureEngine().computeFeatures({ specs: features, frames: { bars } })).table);
    expect(await computed(frameOf(arrow))).toEqual(await computed(frameOf(own)));
  });
}
