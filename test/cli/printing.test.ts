import { expect, test } from "vitest";
import { toJson } from "#daedalus/app/plain-json.js";
import { Masking } from "#daedalus/cli/masking.js";
import { table } from "#daedalus/cli/table.js";
import { seconds } from "#daedalus/cli/train-progress.js";

test("integers beyond 2^53 keep their digits in JSON", () => {
  expect(toJson({ id: 9007199254740993n, list: [1n, 0.5] })).toBe(
    '{\n  "id": 9007199254740993,\n  "list": [\n    1,\n    0.5\n  ]\n}',
  );
});

test("floats that JSON lacks are text; maps are objects; what is undefined is left out", () => {
  expect(JSON.parse(toJson({ a: Number.NaN, b: undefined, c: new Map([["x", 1n]]) }))).toEqual({
    a: "NaN",
    c: { x: 1 },
  });
});

test("secrets are masked, also line by line; short ones only where they stand alone", () => {
  const masking = new Masking();
  masking.hide(["hunter2!", "-----BEGIN KEY-----\nabcdefghijkl\n-----END KEY-----", "ab"]);
  expect(masking.mask("pw hunter2! line abcdefghijkl, table ab")).toBe("pw *** line ***, table ***");
});

test("a table's numbers stand to the right", () => {
  expect(
    table(
      ["day", "rows"],
      [
        ["a", 5],
        ["b", 1234],
      ],
    ),
  ).toBe("day   rows\n---  -----\na        5\nb    1,234");
});

test("durations as people say them", () => {
  expect([0.44, 12.4, 200, 7500].map(seconds)).toEqual(["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]);
});
