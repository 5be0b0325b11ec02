import {
  Bool,
  Data,
  type DataType,
  Dictionary,
  Field,
  Int32,
  Int64,
  List,
  makeData,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { expect, test } from "vitest";
import { faultOfBuffers } from "#daedalus/columnar/buffer-faults.js";

const texts = (bytes: number[], offsets: number[]) =>
  makeData({
    type: new Utf8(),
    length: offsets.length - 1,
    data: Uint8Array.from(bytes),
    valueOffsets: Int32Array.from(offsets),
  });
const lists = (rows: number, offsets: number[], elements: number) =>
  makeData({
    type: new List(new Field("item", new Int64(), true)),
    length: rows,
    valueOffsets: Int32Array.from(offsets),
    child: makeData({ type: new Int64(), length: elements, data: new BigInt64Array(elements) }),
  });
const longs = (rows: number, values: number, bitmap?: number): Data =>
  new Data(new Int64(), 0, rows, -1, [
    undefined,
    new BigInt64Array(values),
    bitmap === undefined ? undefined : new Uint8Array(bitmap),
  ] as never);
const words = (numbers: number[]) =>
  new Data(
    new Dictionary(new Utf8(), new Int32()),
    0,
    numbers.length,
    0,
    [undefined, Int32Array.from(numbers)] as never,
    [],
    vectorFromArray(["a", "b"], new Utf8()),
  );

test.each<[string, Data, RegExp | undefined]>([
  ["values", longs(3, 3), undefined],
  ["values that end early", longs(3, 2), /values of 16 bytes, where 3 rows have 24/],
  ["a bitmap", longs(9, 9, 2), undefined],
  ["a bitmap that ends early", longs(9, 9, 1), /bitmap of 8 bits for 9 values/],
  ["bits", makeData({ type: new Bool(), length: 8, data: new Uint8Array(1) }), undefined],
  ["bits that end early", makeData({ type: new Bool(), length: 9, data: new Uint8Array(1) }), /values of 1 bytes/],
  ["texts", texts([0xc3, 0xa4, 0x61], [0, 2, 3]), undefined],
  ["texts from the middle on", texts([0x80, 0x61], [1, 2]), undefined],
  ["no UTF-8", texts([0xff], [0, 1]), /not UTF-8/],
  ["half a character", texts([0xc3, 0xa4], [0, 1, 2]), /not UTF-8, at row 1/],
  ["texts beyond the bytes", texts([0x61], [0, 5]), /offsets up to 5 of 1/],
  ["lists", lists(2, [0, 1, 3], 3), undefined],
  ["lists beyond the elements", lists(2, [0, 1, 9], 3), /offsets up to 9 of 3/],
  ["offsets that go down", lists(2, [0, 2, 1], 3), /go down/],
  ["offsets below 0", lists(1, [-1, 1], 3), /go down, or begin below 0/],
  ["too few offsets", lists(3, [0, 1], 3), /2 offsets, where 3 rows have 4/],
  ["words", words([0, 1, 0]), undefined],
  ["a word that there is not", words([0, 2]), /number 2 of 2 texts, at row 1/],
])("%s", (_, data, says) => {
  const fault = faultOfBuffers(new Vector<DataType>([data]));
  if (says === undefined) expect(fault).toBeUndefined();
  else expect(fault).toMatch(says);
});
