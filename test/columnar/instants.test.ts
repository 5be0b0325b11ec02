import { describe, expect, test } from "vitest";
import { dayOfMicros, dayStartMicros, durationMicros, parseDuration } from "#daedalus/columnar/instants.js";

describe("durations", () => {
  test.each([
    ["1s", 1_000_000n],
    ["90m", 5_400_000_000n],
    ["12h", 43_200_000_000n],
    ["7d", 604_800_000_000n],
    ["2w", 1_209_600_000_000n],
    ["99999999999999999999w", 99999999999999999999n * 604_800_000_000n],
  ])("%s", (text, micros) => {
    expect(parseDuration(text)).toBe(text);
    expect(durationMicros(text)).toBe(micros);
  });
  test.each(["0d", "-1d", "1", "d", "1.5d", "1 d", "7D", "1y", ""])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("days", () => {
  test("a day is the floor, also before 1970", () => {
    expect(dayOfMicros(-1n)).toBe("1969-12-31");
    expect(dayOfMicros(0n)).toBe("1970-01-01");
    expect(dayOfMicros(-86_400_000_000n)).toBe("1969-12-31");
    expect(dayOfMicros(-86_400_000_001n)).toBe("1969-12-30");
    expect(dayStartMicros("2024-02-29")).toBe(1_709_164_800_000_000n);
  });
  test.each(["2023-02-29", "2024-1-1", "x", "2024-13-01"])("%s is no date", (text) => {
    expect(() => dayStartMicros(text)).toThrow(RangeError);
  });
});
