import { describe, expect, test } from "vitest";
import { substitute } from "#daedalus/definitions/substitution.js";
import { changed, reading } from "./wrong-project.js";

const names = {
  environment: (name: string) => ({ HOME: "/h", EMPTY: "", NESTED: "${HOME}" })[name],
  constants: {
    complete: true,
    values: new Map<string, string | bigint>([
      ["n", 9_007_199_254_740_993n],
      ["s", "x"],
    ]),
  },
};
const text = (written: string): string => substitute(written, names, { service: false }).text;

describe("a string", () => {
  test.each([
    ["${HOME}/data", "/h/data"],
    ["${HOME}${HOME}", "/h/h"],
    ["${MISSING:-a b}", "a b"],
    ["${EMPTY:-stands in}", "stands in"],
    ["${EMPTY:-}", ""],
    ["[${EMPTY}]", "[]"],
    ["${HOME:-other}", "/h"],
    ["${MISSING:-a:-b}", "a:-b"],
    ["a-${const.s}-${const.n}", "a-x-9007199254740993"],
    ["$${HOME}", "${HOME}"],
    ["$${HOME} ${HOME}", "${HOME} /h"],
    ["$HOME $ {HOME} }", "$HOME $ {HOME} }"],
    ["${NESTED}", "${HOME}"],
  ])("%s is %s", (written, expected) => {
    expect(substitute(written, names, { service: false }).faults).toEqual([]);
    expect(text(written)).toBe(expected);
  });

  test("${service} stays as it is where it is allowed", () => {
    expect(substitute("out/${service}", names, { service: true })).toEqual({ text: "out/${service}", faults: [] });
  });
});

const SPEC = "config/training/aggregations.yaml";
const VIEW = "feature_views/items.yaml";
const SERVICE = "feature_services/ranking.yaml";

describe("what is substituted is read as its key's type", () => {
  test("an integer, from a constant and from the environment, exact to 64 bits", async () => {
    for (const written of ["${const.longest}", "${LONGEST}", "${NONE:-9007199254740993}"]) {
      const { project, problems } = await reading(
        changed({
          "config/base.yaml": ["longest: 32", "longest: 9007199254740993"],
          [SPEC]: ["max_length: 5", `max_length: "${written}"`],
        }),
        { environment: { LONGEST: "9007199254740993" } },
      );
      expect(problems).toEqual([]);
      expect(project.aggregations.aggregationSpecs[0]?.maxLength).toBe(9_007_199_254_740_993n);
    }
  });

  test("the largest integer", async () => {
    const { project } = await reading(changed({ [SPEC]: ["max_length: 5", "max_length: 9223372036854775807"] }));
    expect(project.aggregations.aggregationSpecs[0]?.maxLength).toBe(9_223_372_036_854_775_807n);
  });

  test("a boolean, a duration, a dtype, a word, a month", async () => {
    const { project, problems } = await reading(
      changed({
        [SERVICE]: ["nullable: false", 'nullable: "${NO}"'],
        [VIEW]: [
          "ttl: 90d\nsource: {path: data/items, timestamp_field: at, timestamp_unit: ms",
          'ttl: "${N}d"\nsource: {path: data/items, timestamp_field: at, timestamp_unit: "${UNIT}"',
        ],
        "config/training/runtime.yaml": 'feed_start: "${MONTH}"\nfeed_end: ${MONTH}\n',
      }),
      { environment: { NO: "false", N: "30", UNIT: "us", MONTH: "202602" } },
    );
    expect(problems).toEqual([]);
    expect(project.services.get("ranking")?.columns[1]?.nullable).toBe(false);
    expect(project.views.get("items")).toMatchObject({ ttl: "30d", source: { timestampUnit: "us" } });
    expect(project.runtimeOf("ranking")).toMatchObject({ feedStart: "202602", feedEnd: "202602" });
  });

  test("a column's default is read as the column's dtype", async () => {
    const column = (dtype: string) =>
      changed({ [SERVICE]: ["dtype: DOUBLE, default: 0.5", `dtype: ${dtype}, default: "\${D}"`] });
    const read = async (dtype: string) =>
      (await reading(column(dtype), { environment: { D: "007" } })).project.services.get("ranking")?.columns[1]
        ?.default;
    expect(await read("BIGINT")).toBe(7n);
    expect(await read("TEXT")).toBe("007");
  });

  test("a literal elsewhere: a constant keeps its type, an unquoted text is read as YAML, a quoted one is text", async () => {
    const curated = (value: string) =>
      changed({
        "config/training/runtime.yaml": `feed_start: "202601"\nfeed_end: "202601"\ncuration: [{column: a, value: ${value}, where: b}]\n`,
      });
    const read = async (value: string) =>
      (await reading(curated(value), { environment: { V: "1" } })).project.runtimeOf("ranking").curation[0]?.value;
    expect(await read('"${const.longest}"')).toBe(32n);
    expect(await read('"${V}"')).toBe("1");
    expect(await read('"$${V}"')).toBe("${V}");
    expect(await read("9223372036854775807")).toBe(9_223_372_036_854_775_807n);
    expect(await read("1.0")).toBe(1);
    expect(await read("null")).toBe(null);
  });
});

test("an unquoted placeholder in a block", async () => {
  const { project } = await reading(changed({ [VIEW]: ["ttl: 90d", "ttl: ${T}"] }), { environment: { T: "1w" } });
  expect(project.views.get("items")?.ttl).toBe("1w");
});

test("${service} stays in output_root", async () => {
  const runtime = 'feed_start: "202601"\nfeed_end: "202601"\noutput_root: "${ROOT}/${service}"\n';
  const { project, problems } = await reading(changed({ "config/training/runtime.yaml": runtime }), {
    environment: { ROOT: "/o" },
  });
  expect(problems).toEqual([]);
  expect(project.runtimeOf("ranking").outputRoot).toBe("/o/${service}");
});
