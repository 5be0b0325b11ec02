import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Bench,
  boundsOf,
  codeOf,
  counting,
  equality,
  type FilterModel,
  floorOf,
  numbered,
  rowsByGroup,
  startsOf,
} from "./references.js";

// Every kernel against a plain reference. The window kernels with all their ways stand against the oracle in
// window-columns.test.ts as well.

const MOST = 2n ** 63n - 1n;
const LEAST = -(2n ** 63n);
const runs = { numRuns: process.env["DAEDALUS_LONG"] ? 5_000 : 200 };
const long = fc.oneof(fc.constantFrom(0n, 1n, -1n, MOST, LEAST), fc.bigInt({ min: -20n, max: 20n }));
const small = fc.bigInt({ min: -6n, max: 12n });
const double = fc.oneof(fc.constantFrom(0, -0, 1.5, -1.5, Number.NaN, Infinity, -Infinity, 5e-324), fc.double());

function check<T>(values: fc.Arbitrary<T>, holds: (bench: Bench, value: T) => void): void {
  fc.assert(
    fc.property(values, (value) => holds(new Bench(), value)),
    runs,
  );
}

test("listOffsets, packValidity", () => {
  check(
    fc.record({ lengths: fc.array(fc.nat(9), { maxLength: 40 }), base: fc.nat(100) }),
    (bench, { lengths, base }) => {
      const starts = startsOf(lengths);
      const entries = bench.longs(lengths.flatMap((length, i) => [BigInt(starts[i] as number), BigInt(length)]));
      const out = bench.room(lengths.length * 4);
      bench.kernels.listOffsets(lengths.length, entries, base, out);
      expect(bench.readInts(out, lengths.length)).toEqual(starts.slice(1).map((end) => base + end));
    },
  );
  check(fc.array(fc.nat(1), { maxLength: 70 }), (bench, valid) => {
    const bytes = Math.ceil(valid.length / 8);
    const out = bench.room(bytes);
    expect(bench.kernels.packValidity(valid.length, bench.bytes(valid), out)).toBe(
      valid.filter((one) => one === 0).length,
    );
    const bits = Array.from({ length: bytes }, (_, byte) =>
      valid.slice(byte * 8, byte * 8 + 8).reduce((sum, bit, i) => sum + bit * 2 ** i, 0),
    );
    expect(bench.readBytes(out, bytes)).toEqual(bits);
  });
});

test("encode, decode, numbersOfCodes", () => {
  for (const width of [1, 2, 4, 8])
    check(
      fc.array(fc.bigInt({ min: -(2n ** BigInt(width * 8 - 1)), max: 2n ** BigInt(width * 8 - 1) - 1n })),
      (bench, values) => {
        const raw = values.flatMap((value) =>
          Array.from({ length: width }, (_, byte) => Number((BigInt.asUintN(64, value) >> BigInt(byte * 8)) & 255n)),
        );
        const codes = bench.room(values.length * 8);
        bench.kernels.encode(values.length, bench.bytes(raw), width, 0, codes);
        expect(bench.readLongs(codes, values.length)).toEqual(values);
        bench.kernels.decode(values.length, codes, width, 0, codes);
        expect(bench.readBytes(codes, raw.length)).toEqual(raw);
      },
    );
  check(fc.array(double), (bench, values) => {
    const codes = bench.room(values.length * 8);
    bench.kernels.encode(values.length, bench.doubles(values), 8, 2, codes);
    expect(bench.readLongs(codes, values.length)).toEqual(values.map(codeOf));
    const numbers = bench.room(values.length * 8);
    bench.kernels.numbersOfCodes(values.length, codes, 2, numbers);
    expect(bench.readDoubles(numbers, values.length)).toEqual(values);
    bench.kernels.decode(values.length, codes, 8, 2, codes);
    expect(bench.readDoubles(codes, values.length)).toEqual(values);
  });
  check(fc.array(fc.oneof(fc.constantFrom(0, -0, Number.NaN, -Infinity), fc.float())), (bench, values) => {
    const raw = bench.bytes([...new Uint8Array(new Float32Array(values).buffer)]);
    const codes = bench.room(values.length * 8);
    bench.kernels.encode(values.length, raw, 4, 1, codes);
    const inOrder = [...values.keys()].sort(
      (a, b) => Number(codeOf(values[a] as number) - codeOf(values[b] as number)) || a - b,
    );
    const read = bench.readLongs(codes, values.length);
    const byCode = [...values.keys()].sort((a, b) => Number((read[a] as bigint) - (read[b] as bigint)) || a - b);
    expect(byCode).toEqual(inOrder);
    bench.kernels.decode(values.length, codes, 4, 1, codes);
    expect([...new Float32Array(new Uint8Array(bench.readBytes(codes, values.length * 4)).buffer)]).toEqual(values);
  });
});

test("clearSlots, assignGroups, moveSlots, startsOf, largestGroup, keyRange, directTable, lookUp, lookUpDirect, placeRows, scatter", () => {
  const keys = fc.array(fc.oneof(fc.constant(null), small, fc.constantFrom(MOST, LEAST, 2n ** 40n)), { maxLength: 60 });
  check(fc.record({ keys, asked: keys, cut: fc.nat(60) }), (bench, { keys, asked, cut }) => {
    const { kernels } = bench;
    const groups = numbered(keys);
    const sizes = rowsByGroup(groups).map((rows) => rows.length);
    const out = bench.room(keys.length * 4);
    const counts = bench.room((keys.length + 1) * 4);
    const column = (of: readonly (bigint | null)[]) => ({
      keys: bench.longs(of.map((key) => key ?? 77n)),
      valid: bench.bytes(of.map((key) => Number(key !== null))),
    });
    const all = column(keys);
    const first = Math.min(cut, keys.length);
    let [slots, mask] = [bench.room(128 * 16), 127];
    kernels.clearSlots(slots, mask);
    const known = kernels.assignGroups(first, all.keys, all.valid, slots, mask, out, 0, counts);
    const larger = bench.room(256 * 16);
    kernels.clearSlots(larger, 255);
    kernels.moveSlots(slots, mask, larger, 255);
    [slots, mask] = [larger, 255];
    const rest = keys.length - first;
    const total = kernels.assignGroups(
      rest,
      all.keys + first * 8,
      all.valid + first,
      slots,
      mask,
      out + first * 4,
      known,
      counts,
    );
    expect(total).toBe(sizes.length);
    expect(bench.readInts(out, keys.length)).toEqual(groups);
    expect(bench.readInts(counts, total)).toEqual(sizes);
    kernels.startsOf(total, counts);
    expect(bench.readInts(counts, total + 1)).toEqual(startsOf(sizes));
    expect(kernels.largestGroup(total, counts)).toBe(Math.max(0, ...sizes));

    const present = keys.flatMap((key) => (key === null ? [] : [key]));
    const [least, greatest] = [
      present.reduce((a, b) => (a < b ? a : b), MOST),
      present.reduce((a, b) => (a > b ? a : b), LEAST),
    ];
    const range = bench.room(16);
    kernels.keyRange(slots, mask, range);
    expect(bench.readLongs(range, 2)).toEqual([least, greatest]);

    const queries = column(asked);
    const wanted = asked.map((key) => (key === null ? -1 : (groups[keys.indexOf(key)] ?? -1)));
    const found = bench.room(asked.length * 4);
    kernels.lookUp(asked.length, queries.keys, queries.valid, slots, mask, found);
    expect(bench.readInts(found, asked.length)).toEqual(wanted);
    if (present.length > 0 && greatest - least < 1000n) {
      const span = Number(greatest - least) + 1;
      const table = bench.room(span * 4);
      kernels.directTable(slots, mask, least, span, table);
      expect(bench.readInts(table, span)).toEqual(
        Array.from({ length: span }, (_, i) => groups[keys.indexOf(least + BigInt(i))] ?? -1),
      );
      kernels.lookUpDirect(asked.length, queries.keys, queries.valid, least, span, table, found);
      expect(bench.readInts(found, asked.length)).toEqual(wanted);
    }

    const places = bench.room(keys.length * 4);
    kernels.placeRows(keys.length, out, counts, places);
    const order = rowsByGroup(groups).flat();
    expect(bench.readInts(places, keys.length)).toEqual(keys.map((_, row) => order.indexOf(row)));
    const scattered = bench.room(order.length * 8);
    kernels.scatter(keys.length, places, bench.longs(keys.map((_, row) => BigInt(row))), scattered);
    expect(bench.readLongs(scattered, order.length)).toEqual(order.map(BigInt));
  });
});

test("widenRange, countKeys, numberKeys, placeKeys, placePairs", () => {
  const keys = fc.array(fc.oneof(fc.constant(null), small), { maxLength: 60 });
  check(fc.record({ keys, base: fc.constantFrom(0n, MOST - 12n, LEAST + 6n) }), (bench, { keys, base }) => {
    const { kernels } = bench;
    const shifted = keys.map((key) => (key === null ? null : key + base));
    const all = bench.longs(shifted.map((key) => key ?? 77n));
    const valid = bench.bytes(shifted.map((key) => Number(key !== null)));
    const range = bench.longs([MOST, LEAST]);
    const first = keys.length >> 1;
    kernels.widenRange(first, all, valid, range);
    kernels.widenRange(keys.length - first, all + first * 8, valid + first, range);
    const present = shifted.flatMap((key) => (key === null ? [] : [key]));
    const distinct = [...new Set(present)].sort((a, b) => (a < b ? -1 : 1));
    const [least = MOST, greatest = LEAST] = [distinct[0], distinct.at(-1)];
    expect(bench.readLongs(range, 2)).toEqual([least, greatest]);
    if (present.length === 0) return;

    const span = Number(greatest - least) + 1;
    const counts = bench.ints(new Array(span).fill(0));
    kernels.countKeys(keys.length, all, valid, least, counts);
    const ofKey = (at: number) => present.filter((key) => key === least + BigInt(at)).length;
    expect(bench.readInts(counts, span)).toEqual(Array.from({ length: span }, (_, at) => ofKey(at)));
    const [table, starts] = [bench.room(span * 4), bench.room((span + 1) * 4)];
    expect(kernels.numberKeys(span, counts, table, starts)).toBe(distinct.length);
    expect(bench.readInts(table, span)).toEqual(
      Array.from({ length: span }, (_, at) => distinct.indexOf(least + BigInt(at))),
    );
    const begins = startsOf(distinct.map((key) => ofKey(Number(key - least))));
    expect(bench.readInts(starts, distinct.length + 1)).toEqual(begins);

    const places = bench.room(keys.length * 4);
    kernels.placeKeys(keys.length, all, valid, least, counts, places);
    const wanted = shifted.map((key, row) => {
      const before = shifted.slice(0, row).filter((other) => other === key).length;
      return key === null ? -1 : (begins[distinct.indexOf(key)] as number) + before;
    });
    expect(bench.readInts(places, keys.length)).toEqual(wanted);
    const pairs = bench.room(present.length * 16);
    const times = shifted.map((_, row) => BigInt(row * row));
    kernels.placePairs(keys.length, places, bench.longs(times), 5n, pairs);
    const placed = new Array<bigint>(present.length * 2);
    wanted.forEach((place, row) => {
      if (place >= 0) placed.splice(place * 2, 2, times[row] as bigint, 5n + BigInt(row));
    });
    expect(bench.readLongs(pairs, present.length * 2)).toEqual(placed);
  });
});

test("orderPairs", () => {
  // Few instants, many, and so many rows that runs are merged.
  const time = fc.oneof(small, fc.bigInt({ min: 0n, max: 1_000_000n }));
  const group = fc.oneof(
    fc.array(time, { maxLength: 6 }),
    fc.uniqueArray(fc.bigInt({ min: 0n, max: 1_000_000n }), { maxLength: 120 }),
  );
  const groups = fc.array(
    fc.record({ times: group, isOrdered: fc.boolean() }).map(({ times, isOrdered }) => {
      return isOrdered ? [...times].sort((a, b) => Number(a - b)) : times;
    }),
    { minLength: 1, maxLength: 4 },
  );
  check(groups, (bench, given) => {
    const rows = given.flat().map((time, row) => [time, BigInt(row)] as const);
    const starts = startsOf(given.map((times) => times.length));
    const pairs = bench.longs(rows.flat());
    const largest = Math.max(...given.map((times) => times.length));
    const isUnique = given.every((times) => new Set(times).size === times.length);
    const answer = bench.kernels.orderPairs(given.length, bench.ints(starts), pairs, bench.room(largest * 16));
    expect(Boolean(answer)).toBe(isUnique);
    if (!isUnique) return;
    const ordered = given.flatMap((_, group) =>
      rows.slice(starts[group], starts[group + 1]).sort(([a], [b]) => Number(a - b)),
    );
    expect(bench.readLongs(pairs, rows.length * 2)).toEqual(ordered.flat());
  });
});

test("layRecords, latestRecords, recordValues", () => {
  const widths = [8, 4, 2, 1] as const;
  const value = (width: number) =>
    fc.bigInt({ min: -(2n ** BigInt(width * 8 - 1)), max: 2n ** BigInt(width * 8 - 1) - 1n });
  const row = fc.record({ time: small, values: fc.tuple(...widths.map(value)), nulls: fc.nat(15) });
  const cases = fc.record({
    groups: fc.array(fc.array(row, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
    queries: fc.array(fc.record({ group: fc.nat(6), time: small }), { maxLength: 20 }),
  });
  check(cases, (bench, { groups, queries }) => {
    const { kernels } = bench;
    const sorted = groups.map((group) => [...group].sort((a, b) => Number(a.time - b.time)));
    const rows = sorted.flat();
    const begins = startsOf(sorted.map((group) => group.length));
    const starts = bench.ints(begins);

    // The records lie the other way round than the index.
    const number = (place: number) => rows.length - place;
    const records = bench.longs([-1n, 0n, 0n, 0n, 0n, ...rows.flatMap(() => [0n, 0n, 0n, 0n, 0n])]);
    const ordered = [...rows].reverse();
    kernels.layRecords(rows.length, bench.longs(ordered.map(({ nulls }) => BigInt(nulls))), 8, records + 40, 5, 0);
    widths.forEach((width, column) => {
      const bytes = ordered.flatMap(({ values }) => bytesOf(values[column] as bigint, width));
      kernels.layRecords(rows.length, bench.bytes(bytes), width, records + 40, 5, 1 + column);
    });
    const pairs = bench.longs(rows.flatMap(({ time }, place) => [time, BigInt(number(place))]));
    const found = bench.ints(queries.map(({ group }) => (group < sorted.length ? group : -1)));
    const asked = bench.longs(queries.map(({ time }) => time));
    kernels.latestRecords(queries.length, asked, found, starts, pairs);
    const seen = queries.map(({ group, time }) => {
      const before = (sorted[group] ?? []).filter((one) => one.time < time).length;
      return before === 0 ? undefined : (begins[group] as number) + before - 1;
    });
    expect(bench.readInts(found, queries.length)).toEqual(
      seen.map((place) => (place === undefined ? 0 : number(place))),
    );
    widths.forEach((width, column) => {
      const [out, valid] = [bench.room(queries.length * width), bench.room(queries.length)];
      kernels.recordValues(queries.length, found, records, 5, 1 + column, width, out, valid);
      const of = seen.map((place) => (place === undefined ? undefined : rows[place]));
      const isThere = of.map((one) => one !== undefined && ((one.nulls >> column) & 1) === 0);
      expect(bench.readBytes(valid, queries.length)).toEqual(isThere.map(Number));
      of.forEach((one, query) => {
        if (isThere[query])
          expect(bench.readBytes(out + query * width, width)).toEqual(bytesOf(one?.values[column] as bigint, width));
      });
    });
  });
});

/** A whole number as it lies in memory. */
function bytesOf(value: bigint, width: number): number[] {
  return Array.from({ length: width }, (_, byte) => Number(BigInt.asUintN(8, value >> BigInt(byte * 8))));
}

test("floorDivide, scaleTicks", () => {
  check(
    fc.record({ values: fc.array(long), divisor: fc.constantFrom(1n, 2n, 7n, 1000n) }),
    (bench, { values, divisor }) => {
      const at = bench.longs(values);
      bench.kernels.floorDivide(values.length, at, divisor);
      expect(bench.readLongs(at, values.length)).toEqual(values.map((value) => floorOf(value, divisor)));
    },
  );
  check(
    fc.record({ values: fc.array(long), factor: fc.constantFrom(1n, 1000n, 86_400_000_000n) }),
    (bench, { values, factor }) => {
      const out = bench.room(values.length * 8);
      // −2⁶³ times 1 would fit; it is refused like what lies beyond.
      const outside = values.findIndex((value) => value * factor > MOST || value * factor < -MOST);
      expect(bench.kernels.scaleTicks(values.length, bench.longs(values), factor, out)).toBe(outside);
      const scaled = outside < 0 ? values : values.slice(0, outside);
      expect(bench.readLongs(out, scaled.length)).toEqual(scaled.map((value) => value * factor));
    },
  );
});

const histories = fc.array(fc.array(fc.record({ time: small, value: long, available: small }), { maxLength: 60 }), {
  maxLength: 4,
});

test("orderByTime, orderTies", () => {
  check(fc.record({ groups: histories, available: fc.boolean() }), (bench, { groups, available: has }) => {
    const rows = groups.flat();
    const starts = bench.ints(startsOf(groups.map((group) => group.length)));
    const [time, value, available] = (["time", "value", "available"] as const).map((name) =>
      bench.longs(rows.map((row) => row[name])),
    ) as [number, number, number];
    const scratch = [bench.room(rows.length * 4), bench.room(rows.length * 4), bench.room(rows.length * 8)] as const;
    const by = (compare: (a: (typeof rows)[number], b: (typeof rows)[number]) => bigint) =>
      groups.flatMap((group) => [...group].sort((a, b) => Number(compare(a, b) > 0n) - Number(compare(a, b) < 0n)));
    const read = () => {
      const [t, v, a] = [time, value, available].map((at) => bench.readLongs(at, rows.length));
      return rows.map((_, i) => ({ time: t?.[i], value: v?.[i], available: a?.[i] }));
    };
    bench.kernels.orderByTime(
      groups.length,
      starts,
      time,
      2,
      bench.longs([BigInt(value), BigInt(available)]),
      ...scratch,
    );
    expect(read()).toEqual(by((a, b) => a.time - b.time));
    bench.kernels.orderTies(groups.length, starts, time, value, has ? available : 0, ...scratch);
    const sorted = by((a, b) => a.time - b.time || a.value - b.value || (has ? a.available - b.available : 0n));
    const columns = has ? (["time", "value", "available"] as const) : (["time", "value"] as const);
    for (const name of columns) expect(read().map((row) => row[name])).toEqual(sorted.map((row) => row[name]));
  });
});

test("nextOccurrence", () => {
  const groups = fc.array(fc.array(fc.constantFrom(-1n, 0n, 3n, MOST, LEAST), { maxLength: 30 }), { maxLength: 5 });
  check(fc.record({ groups, kind: fc.constantFrom(0, 2) as fc.Arbitrary<0 | 2> }), (bench, { groups, kind }) => {
    const starts = startsOf(groups.map((group) => group.length));
    const values = groups.flat();
    const slots = bench.room(64 * 16);
    bench.kernels.clearSlots(slots, 63);
    const next = bench.room(values.length * 4);
    bench.kernels.nextOccurrence(groups.length, bench.ints(starts), bench.longs(values), kind, slots, 63, next);
    const wanted = groups.flatMap((group, g) =>
      group.map((value, i) => {
        const later = group.findIndex((other, j) => j > i && equality(other, kind) === equality(value, kind));
        return (starts[g] as number) + (later < 0 ? group.length : later);
      }),
    );
    expect(bench.readInts(next, values.length)).toEqual(wanted);
  });
});

test("ownLists", () => {
  const element = fc.oneof(fc.constant(null), fc.constantFrom(-1n, 0n, 5n, MOST, LEAST));
  const lists = fc.array(fc.oneof(fc.constant(null), fc.array(element, { maxLength: 12 })), { maxLength: 12 });
  check(fc.record({ lists, kind: fc.constantFrom(0, 2) as fc.Arbitrary<0 | 2> }), (bench, { lists, kind }) => {
    const elements = lists.flatMap((list) => list ?? []);
    const starts = startsOf(lists.map((list) => list?.length ?? 0));
    const [out, sorted] = [bench.room(lists.length * 8), bench.room(elements.length * 8)];
    bench.kernels.ownLists(
      lists.length,
      bench.longs(lists.flatMap((list, i) => [BigInt(starts[i] as number), BigInt(list?.length ?? 0)])),
      bench.bytes(lists.map((list) => Number(list !== null))),
      bench.longs(elements.map((one) => one ?? 9n)),
      bench.bytes(elements.map((one) => Number(one !== null))),
      kind,
      out,
      sorted,
    );
    const wanted = lists.map((list) =>
      (list ?? [])
        .flatMap((one) => (one === null ? [] : [equality(one, kind)]))
        .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
    );
    const places = startsOf(wanted.map((list) => list.length));
    expect(bench.readInts(out, lists.length * 2)).toEqual(wanted.flatMap((list, i) => [places[i], list.length]));
    expect(bench.readLongs(sorted, wanted.flat().length)).toEqual(wanted.flat());
  });
});

const windowLengths = fc.array(fc.oneof(fc.constantFrom(-1n, 0n, MOST), fc.bigInt({ min: 1n, max: 9n })), {
  minLength: 1,
  maxLength: 4,
});
const instants = fc.oneof(small, fc.constantFrom(MOST, LEAST, LEAST + 3n, MOST - 3n));
const ascending = (values: readonly bigint[]): bigint[] => [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

test("recordBytes, clearRecords, windowBounds", () => {
  const groups = fc.array(fc.array(instants, { maxLength: 20 }).map(ascending), { minLength: 1, maxLength: 3 });
  const queries = fc.array(fc.record({ group: fc.integer({ min: -1, max: 2 }), time: instants }), { maxLength: 60 });
  check(
    fc.record({ groups, queries, windows: windowLengths, sorted: fc.boolean() }),
    (bench, { groups, queries, windows, sorted }) => {
      const asked = (sorted ? [...queries].sort((a, b) => (a.time < b.time ? -1 : 1)) : queries).map((query) => ({
        ...query,
        group: Math.min(query.group, groups.length - 1),
      }));
      const starts = startsOf(groups.map((group) => group.length));
      const stride = 1 + windows.length;
      const size = bench.kernels.recordBytes(groups.length, windows.length);
      expect(size / groups.length).toBeGreaterThanOrEqual(16 + 4 * stride);
      const records = bench.room(size);
      bench.kernels.clearRecords(groups.length, bench.ints(starts), windows.length, records);
      const out = bench.room(asked.length * stride * 4);
      bench.kernels.windowBounds(
        asked.length,
        bench.longs(asked.map(({ time }) => time)),
        bench.ints(asked.map(({ group }) => group)),
        bench.ints(starts),
        bench.longs(groups.flat()),
        windows.length,
        bench.longs(windows),
        records,
        out,
      );
      const wanted = asked.flatMap(({ group, time }) =>
        group < 0
          ? windows.map(() => 0).concat(0)
          : boundsOf(groups[group] ?? [], starts[group] as number, time, windows),
      );
      expect(bench.readInts(out, asked.length * stride)).toEqual(wanted);
    },
  );
});

test("windowBounds of keys without a history reads no record: there may be none", () => {
  const bench = new Bench();
  const queries = 3;
  const bounds = bench.room(queries * 2 * 4);
  // What lies where a record would be is no place of the index.
  const records = bench.bytes(new Array(64).fill(0x7f));
  const found = bench.ints([-1, -1, -1]);
  const [times, starts, lengths] = [bench.longs([1n, 2n, 3n]), bench.ints([0]), bench.longs([-1n])];
  bench.kernels.windowBounds(queries, times, found, starts, bench.room(0), 1, lengths, records, bounds);
  expect(bench.readInts(bounds, queries * 2)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("groupRuns, runBounds", () => {
  const rows = fc.array(fc.record({ key: fc.bigInt({ min: 0n, max: 3n }), time: instants }), { maxLength: 50 });
  check(fc.record({ rows, windows: windowLengths, sorted: fc.boolean() }), (bench, { rows, windows, sorted }) => {
    const order = (a: (typeof rows)[number], b: (typeof rows)[number]): bigint => a.key - b.key || a.time - b.time;
    const used = sorted ? [...rows].sort((a, b) => (order(a, b) < 0n ? -1 : order(a, b) > 0n ? 1 : 0)) : rows;
    const times = bench.longs(used.map(({ time }) => time));
    const starts = bench.room((used.length + 1) * 4);
    const found = bench.kernels.groupRuns(used.length, bench.longs(used.map(({ key }) => key)), times, starts);
    const isSorted = used.every((row, i) => i === 0 || order(used[i - 1] as typeof row, row) <= 0n);
    const groups = rowsByGroup(numbered(used.map(({ key }) => key)));
    expect(found).toBe(isSorted ? groups.length : -1);
    if (!isSorted) return;
    const begins = startsOf(groups.map((group) => group.length));
    expect(bench.readInts(starts, found + 1)).toEqual(begins);
    const stride = 1 + windows.length;
    const out = bench.room(used.length * stride * 4);
    bench.kernels.runBounds(times, found, starts, windows.length, bench.longs(windows), out);
    const wanted = groups.flatMap((group, g) => {
      const own = group.map((row) => used[row]?.time as bigint);
      return own.flatMap((time) => boundsOf(own, begins[g] as number, time, windows));
    });
    expect(bench.readInts(out, used.length * stride)).toEqual(wanted);
  });
});

test("windowListCapacity, windowList, windowCount, windowLast, extremeLevels, extremeTable, windowExtreme, windowIntegerSum, integerPrefix, knownNodes, knownTree", () => {
  const row = fc.record({ value: fc.constantFrom(-1n, 0n, 4n, 5n, MOST, LEAST), available: small });
  const query = fc.record({
    ends: fc.tuple(fc.nat(400), fc.nat(400)),
    known: small,
    own: fc.oneof(fc.constant(null), fc.constantFrom(-1n, 0n, 4n)),
    list: fc.array(fc.constantFrom(-1n, 0n, 4n, 5n, MOST), { maxLength: 6 }),
  });
  const cases = fc.record({
    rows: fc.oneof(fc.array(row, { maxLength: 150 }), fc.array(row, { minLength: 100, maxLength: 400 })),
    queries: fc.array(query, { maxLength: 20 }),
    kind: fc.constantFrom(0, 2) as fc.Arbitrary<0 | 2>,
    available: fc.boolean(),
    distinct: fc.boolean(),
    indexed: fc.boolean(),
    own: fc.constantFrom("none", "value", "list"),
    maxLength: fc.constantFrom(-1, 0, 1, 3, 40),
  });
  check(cases, (bench, { rows, queries, kind, available, distinct, indexed, own, maxLength }) => {
    const { kernels } = bench;
    const codes = rows.map(({ value }) => value);
    const bounds = queries.map(
      ({ ends }) => ends.map((end) => Math.min(end, rows.length)).sort((a, b) => a - b) as [number, number],
    );
    const model: FilterModel = {
      values: codes,
      kind,
      distinct,
      ...(available ? { available: rows.map((one) => one.available), known: queries.map(({ known }) => known) } : {}),
      ...(own === "value" ? { own: queries.map((one) => (one.own === null ? [] : [one.own])) } : {}),
      ...(own === "list" ? { own: queries.map(({ list }) => list) } : {}),
    };
    const wanted = bounds.map(([lo, hi], i) => counting(model, i, lo, hi));
    const valuesAt = bench.longs(codes);
    const next = codes.map((value, i) => {
      const later = codes.findIndex((other, j) => j > i && equality(other, kind) === equality(value, kind));
      return later < 0 ? rows.length : later;
    });
    const lists = queries.map(({ list }) => ascending(list.map((one) => equality(one, kind))));
    const listStarts = startsOf(lists.map((list) => list.length));
    const availableAt = available ? bench.longs(rows.map((one) => one.available)) : 0;
    const groupStarts = bench.ints([0, rows.length]);
    const tree = bench.room(kernels.knownNodes(rows.length) * 16);
    const order = bench.room(rows.length * 4);
    const equal = bench.room(rows.length * 8);
    // Windows of distinct values follow a path (below); these are any.
    const withIndexes = indexed && !distinct && rows.length > 0;
    if (withIndexes) {
      if (available) kernels.knownTree(rows.length, availableAt, tree);
      kernels.equalityCodes(rows.length, valuesAt, kind, equal);
      expect(bench.readLongs(equal, rows.length)).toEqual(codes.map((code) => equality(code, kind)));
      kernels.orderByValue(1, groupStarts, equal, order, bench.room(rows.length * 4));
    }
    const filter = bench.ints([
      valuesAt,
      availableAt,
      available ? bench.longs(queries.map(({ known }) => known)) : 0,
      distinct ? bench.ints(next) : 0,
      own === "value" ? bench.longs(queries.map((one) => one.own ?? 1n)) : 0,
      own === "value" ? bench.bytes(queries.map((one) => Number(one.own !== null))) : 0,
      own === "list" ? bench.ints(lists.flatMap((list, i) => [listStarts[i] as number, list.length])) : 0,
      own === "list" ? bench.longs(lists.flat()) : 0,
      kind,
      rows.length,
      1,
      ...(withIndexes ? [groupStarts, tree, order] : [0, 0, 0]),
      0,
      0,
    ]);
    const count = queries.length;
    const at = bench.ints(bounds.flatMap(([lo, hi]) => [hi, lo]));
    const [out, valid, entries] = [bench.room(count * 8), bench.room(count), bench.room(count * 16)];

    const capacity = Number(kernels.windowListCapacity(count, at, 2, 1, maxLength));
    expect(capacity).toBe(
      bounds.reduce((sum, [lo, hi]) => sum + (maxLength < 0 ? hi - lo : Math.min(maxLength, hi - lo)), 0),
    );
    const list = bench.room(capacity * 8 + 8);
    const written = kernels.windowList(count, at, 2, 1, filter, maxLength, entries, list);
    const cut = wanted.map((own) => (maxLength < 0 ? own : own.slice(Math.max(0, own.length - maxLength))));
    expect(bench.readLongs(list, written)).toEqual(cut.flat().map((place) => codes[place]));
    const begins = startsOf(cut.map((own) => own.length));
    expect(bench.readLongs(entries, count * 2)).toEqual(
      cut.flatMap((own, i) => [BigInt(begins[i] as number), BigInt(own.length)]),
    );

    kernels.windowCount(count, at, 2, 1, filter, out);
    expect(bench.readLongs(out, count)).toEqual(wanted.map((own) => BigInt(own.length)));
    const some = wanted.map((own) => Number(own.length > 0));
    kernels.windowLast(count, at, 2, 1, filter, out, valid);
    expect(bench.readBytes(valid, count)).toEqual(some);
    expect(bench.readLongs(out, count)).toEqual(wanted.map((own) => codes[own.at(-1) ?? -1] ?? 0n));
    for (const largest of [true, false]) {
      const levels = kernels.extremeLevels(rows.length);
      const table = bench.room(levels * Math.ceil(rows.length / 32) * 16);
      if (withIndexes) kernels.extremeTable(rows.length, valuesAt, kind, largest, table);
      kernels.windowExtreme(count, at, 2, 1, filter, table, largest, out, valid);
      expect(bench.readBytes(valid, count)).toEqual(some);
      const extremes = wanted.map(
        (own) => ascending(own.map((place) => codes[place] as bigint)).at(largest ? -1 : 0) ?? 0n,
      );
      expect(bench.readLongs(out, count)).toEqual(extremes);
    }
    if (kind !== 0) return;
    const prefix = bench.room((rows.length + 1) * 16);
    kernels.integerPrefix(rows.length, valuesAt, prefix);
    const plain = !available && !distinct && own === "none";
    const sums = wanted.map((own) => own.reduce((sum, place) => sum + (codes[place] as bigint), 0n));
    const outside = sums.findIndex((sum) => sum > MOST || sum < LEAST);
    const running = plain || withIndexes ? prefix : 0;
    expect(kernels.windowIntegerSum(count, at, 2, 1, filter, running, false, out, valid)).toBe(outside);
    if (outside < 0) expect(bench.readLongs(out, count).map((sum, i) => (some[i] ? sum : 0n))).toEqual(sums);
  });
});

test("orderByValue", () => {
  const groups = fc.array(
    fc.oneof(
      fc.array(small, { maxLength: 70 }),
      fc.array(fc.constantFrom(MOST, LEAST, 0n, -1n), { minLength: 60, maxLength: 90 }),
    ),
    { maxLength: 4 },
  );
  check(fc.record({ groups, sorted: fc.boolean() }), (bench, { groups, sorted }) => {
    const codes = groups.flatMap((group) => (sorted ? ascending(group) : group));
    const starts = startsOf(groups.map((group) => group.length));
    const [order, spare] = [bench.room(codes.length * 4), bench.room(codes.length * 4)];
    bench.kernels.orderByValue(groups.length, bench.ints(starts), bench.longs(codes), order, spare);
    const got = bench.readInts(order, codes.length);
    groups.forEach((group, g) => {
      if (group.length < 64) return;
      const [from, to] = [starts[g] as number, starts[g + 1] as number];
      const places = Array.from({ length: to - from }, (_, i) => from + i);
      const by = (place: number) => codes[place] as bigint;
      places.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : a - b));
      expect(got.slice(from, to)).toEqual(places);
    });
  });
});

test("previousOccurrence, distinctPath", () => {
  const row = fc.record({ time: instants, value: fc.bigInt({ min: 0n, max: 9n }) });
  const later = fc.record({ time: fc.bigInt({ min: 0n, max: 90n }), value: fc.bigInt({ min: 0n, max: 40n }) });
  const group = fc.oneof(fc.array(row, { maxLength: 80 }), fc.array(later, { minLength: 64, maxLength: 140 }));
  check(
    fc.record({ groups: fc.array(group, { maxLength: 3 }), windows: windowLengths, asked: fc.array(later) }),
    (bench, { groups, windows, asked }) => {
      const histories = groups.map((rows) =>
        [...rows].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
      );
      const rows = histories.flat();
      const begins = startsOf(histories.map((own) => own.length));
      const starts = bench.ints(begins);
      const values = bench.longs(rows.map(({ value }) => value));
      const slots = bench.room(512 * 16);
      bench.kernels.clearSlots(slots, 511);
      const [next, previous] = [bench.room(rows.length * 4), bench.room(rows.length * 4)];
      bench.kernels.nextOccurrence(histories.length, starts, values, 0, slots, 511, next);
      bench.kernels.previousOccurrence(histories.length, starts, next, previous);
      const before = histories.flatMap((own, g) =>
        own.map(({ value }, i) => {
          const found = own.slice(0, i).findLastIndex((other) => other.value === value);
          return found < 0 ? -1 : (begins[g] as number) + found;
        }),
      );
      expect(bench.readInts(previous, rows.length)).toEqual(before);
      const times = bench.longs(rows.map(({ time }) => time));
      for (const length of windows) {
        const path = bench.room((2 * rows.length + 1) * 4);
        bench.kernels.distinctPath(histories.length, starts, times, length, next, previous, path);
        const counts = bench.readInts(path, 2 * rows.length + 1);
        histories.forEach((own, g) => {
          if (own.length < 64) return;
          const ownTimes = own.map(({ time }) => time);
          for (const time of [...ownTimes, ...asked.map((query) => query.time), MOST, LEAST]) {
            const from = begins[g] as number;
            const [hi = 0, lo = 0] = boundsOf(ownTimes, from, time, [length]);
            const distinct = new Set(own.slice(lo - from, hi - from).map(({ value }) => value)).size;
            expect(counts[lo + hi]).toBe(distinct);
          }
        });
      }
    },
  );
});

test("exponentRange, doublePrefix, specialPrefix, wideBytes, widePrefix, windowFloatSum", () => {
  const numbers = fc.array(
    fc.oneof(fc.constantFrom(0, -0, 0.5, -0.25, 1024, 3), fc.constantFrom(Number.NaN, Infinity, -Infinity)),
    { maxLength: 30 },
  );
  const many = fc.array(fc.constantFrom(0, 0.5, -0.25, 1024, 3), { minLength: 130, maxLength: 300 });
  const cases = fc.record({
    numbers: fc.oneof(numbers, many),
    mean: fc.boolean(),
    running: fc.constantFrom("none", "short", "wide"),
    back: fc.constantFrom(7, 100, 999),
  });
  check(cases, (bench, { numbers, mean, running, back }) => {
    const { kernels } = bench;
    const rows = numbers.length;
    const at = bench.doubles(numbers);
    const header = bench.room(64);
    kernels.exponentRange(rows, at, header);
    const finite = numbers.filter((value) => Number.isFinite(value) && value !== 0);
    const [low = 0, high = 0, special = 0] = bench.readInts(header, 3);
    expect(special !== 0).toBe(numbers.some((value) => !Number.isFinite(value)));
    expect(high < low).toBe(finite.length === 0);
    const base = high < low ? 0 : low;
    const [prefix, specials] = [bench.room((rows + 1) * 16), bench.room((rows + 1) * 16)];
    kernels.doublePrefix(rows, at, base, prefix);
    kernels.specialPrefix(rows, at, specials);
    const wide = bench.room(kernels.wideBytes(rows));
    kernels.widePrefix(rows, at, wide);
    const windows = Array.from({ length: rows + 1 }, (_, hi) => [hi, Math.max(0, hi - back)] as const);
    const codes = bench.room(rows * 8);
    kernels.encode(rows, at, 8, 2, codes);
    const filter = bench.ints([codes, 0, 0, 0, 0, 0, 0, 0, 2, rows, 1, bench.ints([0, rows]), 0, 0, 0, 0]);
    const [out, valid, limbs] = [bench.room(windows.length * 8), bench.room(windows.length), bench.room(70 * 8)];
    const bounds = bench.ints(windows.flat());
    kernels.windowFloatSum(
      windows.length,
      bounds,
      2,
      1,
      filter,
      running === "none" ? 0 : running === "short" ? prefix : wide,
      running === "wide",
      running === "wide" ? 0 : base,
      running !== "none" && special !== 0 ? specials : 0,
      limbs,
      mean,
      out,
      valid,
    );
    // Sums of these numbers are exact, so that their order does not matter; no sum of zeros is −0 but that of −0 alone.
    const wanted = windows.map(([hi, lo]) => {
      const own = numbers.slice(lo, hi);
      const sum = own.reduce((total, value) => total + value, -0);
      return own.length === 0 ? undefined : mean ? sum / own.length : sum;
    });
    const got = bench
      .readDoubles(out, windows.length)
      .map((value, i) => (bench.readBytes(valid, windows.length)[i] === 0 ? undefined : value));
    expect(got.map((value) => (value === undefined ? value : value + 0))).toEqual(
      wanted.map((value) => (value === undefined ? value : value + 0)),
    );
  });
});

test("avgPool, takeVectors, largestMagnitude, granularities", () => {
  const float = fc.oneof(fc.constantFrom(0, -0, 1, Number.NaN, Infinity, -Infinity, 1e-45, 3e38), fc.float());
  const tame = fc.oneof(fc.constantFrom(0, -0, 0.5, 1.5), fc.float({ min: Math.fround(-9), max: 9, noNaN: true }));
  // Windows of one sequence, which move by some ids from row to row.
  const windows = fc
    .record({
      sequence: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 1, maxLength: 60 }),
      size: fc.integer({ min: 1, max: 12 }),
      moves: fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }),
    })
    .map(({ sequence, size, moves }) => {
      let end = 0;
      return moves.map((move) => {
        end = Math.min(sequence.length, end + move);
        return sequence.slice(Math.max(0, end - size), end);
      });
    });
  const pooled = fc.nat(9).chain((dim) =>
    fc.record({
      dim: fc.constant(dim + 1),
      vectors: fc
        .oneof(fc.constant(float), fc.constant(tame))
        .chain((one) =>
          fc.array(fc.array(one, { minLength: dim + 1, maxLength: dim + 1 }), { minLength: 1, maxLength: 6 }),
        ),
      lists: fc.oneof(
        fc.array(fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 11 }), { minLength: 1, maxLength: 8 }),
        windows,
      ),
      from: fc.nat(2),
    }),
  );
  check(pooled, (bench, { dim, vectors, lists, from }) => {
    const { kernels } = bench;
    const stride = Math.ceil((dim * 4) / 16) * 16;
    const bytes = vectors.flatMap((vector) => {
      const own = [...new Uint8Array(new Float32Array(vector).buffer)];
      return [...own, ...new Array<number>(stride - own.length).fill(0xff)];
    });
    const pool = bench.bytes(bytes);
    const positions = lists.map((list) => list.map((place) => (place < vectors.length ? place : -1)));
    const starts = startsOf(positions.map((list) => list.length));
    const entries = positions.flatMap((list, row) => [BigInt(starts[row] as number), BigInt(list.length)]);
    const out = bench.room(lists.length * dim * 4);
    const valid = bench.room(lists.length);
    const sums = bench.room(Math.ceil(dim / 4) * 32);
    const begin = Math.min(from, lists.length);
    const magnitudes = vectors.flatMap((vector) => vector.map((value) => Math.abs(Math.fround(value))));
    const most = kernels.largestMagnitude(vectors.length, pool, stride, dim);
    expect(most).toBe(magnitudes.every(Number.isFinite) ? Math.max(...magnitudes) : Number.POSITIVE_INFINITY);
    const granularity = bench.room(vectors.length * 2);
    if (Number.isFinite(most)) {
      kernels.granularities(vectors.length, pool, stride, dim, granularity);
      const found = [...new Int16Array(new Uint8Array(bench.readBytes(granularity, vectors.length * 2)).buffer)];
      for (const [vector, exponent] of found.entries()) {
        const values = (vectors[vector] ?? []).map((value) => Math.fround(value)).filter((value) => value !== 0);
        // Multiples of it, and not of twice it.
        const isMultiple = (power: number) => values.every((value) => Number.isInteger(value / 2 ** power));
        expect([isMultiple(exponent), values.length > 0 && isMultiple(exponent + 1)]).toEqual([true, false]);
      }
    }
    kernels.avgPool(
      begin,
      lists.length,
      bench.longs(entries),
      bench.ints(positions.flat()),
      pool,
      stride,
      dim,
      sums,
      out,
      valid,
      most,
      granularity,
    );
    const floats = (address: number, row: number) => [
      ...new Float32Array(new Uint8Array(bench.readBytes(address + row * dim * 4, dim * 4)).buffer),
    ];
    const untouched = bench.readBytes(out, begin * dim * 4);
    expect(untouched.every((byte) => byte === 0xa5)).toBe(true);
    for (const [row, list] of positions.entries()) {
      if (row < begin) continue;
      const own = list.filter((place) => place >= 0).map((place) => new Float32Array(vectors[place] ?? []));
      expect(bench.readBytes(valid, lists.length)[row]).toBe(own.length > 0 ? 1 : 0);
      if (own.length === 0) continue;
      const mean = Array.from({ length: dim }, (_, place) => {
        let sum = 0;
        for (const vector of own) sum += vector[place] as number;
        return Math.fround(sum / own.length);
      });
      expect(floats(out, row)).toEqual(mean);
    }
    const firsts = positions.map((list) => list[0] ?? -1);
    const taken = bench.room(lists.length * dim * 4);
    kernels.takeVectors(lists.length, bench.ints(firsts), pool, stride, dim, taken, valid);
    expect(bench.readBytes(valid, lists.length)).toEqual(firsts.map((place) => (place < 0 ? 0 : 1)));
    for (const [row, place] of firsts.entries())
      if (place >= 0) expect(floats(taken, row)).toEqual([...new Float32Array(vectors[place] ?? [])]);
  });
});

// Last: what no test above has called has no reference.
test("every kernel of the module is compared with a reference", () => {
  expect(new Bench().exports.filter((name) => !Bench.called.has(name))).toEqual([]);
});
