import { expect, test } from "vitest";
import { reportText } from "#daedalus/cli/pipeline-train.js";

type Report = Parameters<typeof reportText>[0];

const textOf = (days: Report["days"], more: Partial<Report> = {}): string =>
  reportText({
    service: "s",
    outputRoot: "/out",
    run: "r",
    days,
    rows: 0,
    empty: [],
    seconds: 0,
    interrupted: false,
    ...more,
  });

const report = (states: readonly ("absent" | "skeleton" | "complete" | "stale")[]): string =>
  textOf(states.map((state, i) => ({ day: `2024-01-0${i + 1}`, state, outcome: "skipped", why: [], problems: [] })));

test("days that were left out are said to be there only if they are", () => {
  expect(report(["complete", "skeleton"])).toMatch(/all 2 days are there already.*complete already.*skeleton already/s);
  const left = report(["complete", "absent", "stale"]);
  expect(left).toMatch(/nothing to do.*complete already.*absent, left as it is.*stale, left as it is/s);
  expect(left).not.toContain("are there");
});

test("outdated days are not said to be there as they should be, and what is to do is told", () => {
  const why = ['embedding store "a" has changed', "--refresh would do it again"];
  const days = ["2024-01-01", "2024-01-02"].map(
    (day) => ({ day, state: "outdated", outcome: "skipped", why, problems: [] }) as const,
  );
  const text = textOf(days);
  expect(text).not.toContain("already");
  expect(text).toContain('2024-01-01 and 1 more day: embedding store "a" has changed; --refresh would do it again');
});

test("days that failed alike are told once", () => {
  const problems = [{ code: "run/x", says: "no room" }];
  const days = ["2024-01-01", "2024-01-02", "2024-01-03"].map(
    (day) => ({ day, state: "absent", outcome: "failed", why: [], problems }) as const,
  );
  const text = textOf(days);
  expect(text.split("no room")).toHaveLength(2);
  expect(text).toContain("2024-01-01 and 2 more days: ");
});

test("columns without a value are named", () => {
  const text = textOf(
    [{ day: "2024-01-01", state: "absent", outcome: "done", rows: 2, seconds: 1, why: [], problems: [] }],
    { rows: 2, empty: ["likes_1d", "likes_7d"], seconds: 1 },
  );
  expect(text).toMatch(/no value in any row that was written: likes_1d, likes_7d\n.*explain s --row/s);
});
