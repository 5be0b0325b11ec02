import { ANY, BIGINT, BOOLEAN } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { expect, test } from "vitest";
import { lentBytes, lentText, validityOf, vectorisedFunction } from "#daedalus/columnar/duckdb-vectors.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";

/** Runs a function over `rows` numbers, every third NULL, as texts too long to lie in a vector itself. */
async function overTexts(rows: number, take: (input: duckdb.DataChunk) => void): Promise<void> {
  const session = await SqlSession.open({ threads: "1" });
  try {
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: "take",
        parameterTypes: [BIGINT],
        varArgsType: ANY,
        returnType: BOOLEAN,
        specialHandling: true,
        mainFunction: (_info, input) => take(input),
      }),
    );
    await session.query(
      `SELECT count(take(i, CASE WHEN i % 3 > 0 THEN 'a text of number ' || i END)) FROM range(${rows}) t(i)`,
    );
  } finally {
    session.close();
  }
}

test("what vectors lend is read where it lies, and is nobody's after the call, also after one that throws", async () => {
  const lent: Uint8Array[] = [];
  const read: string[] = [];
  const take = (input: duckdb.DataChunk): void => {
    const rows = duckdb.data_chunk_get_size(input);
    const texts = duckdb.data_chunk_get_vector(input, 1);
    const numbers = lentBytes(duckdb.data_chunk_get_vector(input, 0), rows * 8);
    const strings = lentBytes(texts, rows * 16);
    const validity = validityOf(texts, rows) ?? new Uint8Array(0);
    const text = lentText(strings.buffer as ArrayBuffer, 1 * 16 + 8, "a text of number 1".length);
    read.push(`${new BigInt64Array(numbers.buffer)[4]} ${Buffer.from(text).toString()} ${(validity[0] ?? 0) & 7}`);
    lent.push(numbers, strings, validity, text);
    if (rows === 7) throw new Error("seven");
  };
  await overTexts(5, take);
  await expect(overTexts(7, take)).rejects.toThrow("seven");
  expect(read).toEqual(["4 a text of number 1 6", "4 a text of number 1 6"]);
  expect(lent.map(({ byteLength }) => byteLength)).toEqual(lent.map(() => 0));
});

test("V8 does not count what DuckDB's vectors hold", async () => {
  const before = process.memoryUsage().arrayBuffers;
  let most = before;
  await overTexts(2_000_000, (input) => {
    lentBytes(duckdb.data_chunk_get_vector(input, 0), duckdb.data_chunk_get_size(input) * 8);
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  });
  // They have 16 MB together, and lie around until a collection if nobody gives them back.
  expect(most - before).toBeLessThan(4_000_000);
});

test("a vector of no bytes lends none", async () => {
  const lengths: number[] = [];
  await overTexts(1, (input) => {
    lengths.push(lentBytes(duckdb.data_chunk_get_vector(input, 0), 0).length);
  });
  expect(lengths).toEqual([0]);
});
