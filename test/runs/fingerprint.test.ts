import { expect, test } from "vitest";
import { canonicalJson, fingerprint } from "#daedalus/runs/fingerprint.js";

test("one text whatever the order of keys, and without entries that are undefined", () => {
  expect(canonicalJson({ b: [1n, "x"], a: { d: null, c: true, e: undefined } })).toBe(
    '{"a":{"c":true,"d":null},"b":[1,"x"]}',
  );
});

test("integers are exact and apart from floats", () => {
  expect(canonicalJson(9007199254740993n)).toBe("9007199254740993");
  expect([1n, 1, -0, 0, 0.5, Number.NaN, Infinity, 1e21].map(canonicalJson)).toEqual([
    "1",
    "1.0",
    "-0.0",
    "0.0",
    "0.5",
    "NaN",
    "Infinity",
    "1e+21",
  ]);
  expect(fingerprint("1")).not.toBe(fingerprint(1n));
});

test("what is not plain data is refused", () => {
  expect(() => canonicalJson(() => 1)).toThrow(TypeError);
});
