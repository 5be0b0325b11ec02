import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { importVectors } from "#daedalus/embeddings/import-vectors.js";
import { LanceStore } from "#daedalus/embeddings/lance-store.js";
import { type EmbeddingVectors, vectorsOf } from "#daedalus/embeddings/vector-pool.js";
import { rayUdfTransform } from "#daedalus/engines/kernel/ray-udf-transform.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { PoolCrew } from "#daedalus/kernels/avg-pool.js";
import { rayUdfTransform as operators } from "#daedalus/operators/ray-udf-transform.js";

const folder = await mkdtemp(join(tmpdir(), "daedalus-vectors-"));
afterAll(() => rm(folder, { recursive: true }));

test.each(
  (["integer", "text"] as const).flatMap((type) => [
    [type, "in memory", 3e9] as const,
    [type, "taken batch by batch", 0] as const,
    [type, "taken piece by piece", 0, 3] as const,
  ]),
)(
  "lists that are NULL, empty, hold NULLs, strangers or an id twice (%s ids, vectors %s)",
  async (type, _how, most, idsAtOnce?: number) => {
    const store = {
      name: "s",
      uri: "s.lance",
      directory: join(folder, `${type}-${most}-${idsAtOnce}.lance`),
      key: "id",
      vector: "v",
      dim: 3,
    };
    const names = ["a", "a longer id than twelve bytes"];
    const keys = type === "text" ? names : BigInt64Array.of(1n, -(2n ** 63n));
    const vectors = Float32Array.of(1, -0, Number.NaN, 4, -0, 6);
    await importVectors(store, { type, batches: [{ keys, vectors }] });
    const session = await SqlSession.open();
    const crew = new PoolCrew(3);
    let taken: EmbeddingVectors | undefined;
    try {
      const open = await LanceStore.open(store);
      const made = await vectorsOf(open, crew, 0, most);
      taken = made;
      const pool = idsAtOnce === undefined ? made : { ...made, idsAtOnce };
      open.close();
      const operator = operators.of({
        name: "enrich",
        engine: "pythonic",
        inputs: ["rows"],
        output: "enrich",
        store: { name: "s", uri: "s.lance", key: "id", vector: "v", dim: 3n },
        columns: [
          { name: "one", dtype: "FLOAT[]", ids: "id" },
          { name: "mean", dtype: "FLOAT[]", ids: "ids", pool: "mean" },
        ],
      });
      const [one, mean] = rayUdfTransform(operator, session, pool, crew);
      const [a, b, stranger] =
        type === "text" ? [`'${names[0]}'`, `'${names[1]}'`, "'nobody'"] : ["1", "-9223372036854775808", "7"];
      const rows = [
        [a, `[${a}]`],
        [b, `[${a}, ${b}, ${b}]`],
        ["NULL", "NULL"],
        [stranger, "[]"],
        ["NULL", "[NULL]"],
        [b, `[${stranger}, NULL, ${b}]`],
      ];
      // Many times over: more than one of DuckDB's vectors, and than one piece for the threads.
      const values = rows.map(([id, ids]) => `(${id}, ${ids})`).join(", ");
      const from = `SELECT id, ids, n, x FROM range(700) r(n), (SELECT id, ids, row_number() OVER () AS x FROM (VALUES ${values}) t(id, ids))`;
      const found = await session.query(
        `SELECT x, ${one?.sql} AS one, ${mean?.sql} AS mean FROM (${from} ORDER BY n ASC NULLS FIRST, x ASC NULLS FIRST)`,
      );
      const first = [1, -0, Number.NaN];
      const second = [4, -0, 6];
      const expected: readonly (readonly [unknown, unknown])[] = [
        [first, [1, 0, Number.NaN]],
        [second, [3, 0, Number.NaN]],
        [null, null],
        [null, null],
        [null, null],
        [second, [4, 0, 6]],
      ];
      expect(found).toHaveLength(4200);
      for (const { x, one: vector, mean: average } of found) expect([vector, average]).toEqual(expected[Number(x) - 1]);
      expect([one?.takeCount(), mean?.takeCount(), one?.takeCount()]).toEqual([2100, 2100, 0]);
    } finally {
      session.close();
      crew.close();
      taken?.close();
    }
  },
);
