import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileOpened } from "#daedalus/app/compile-service.js";
import { readDefinitions } from "#daedalus/app/project.js";
import { FEED, problemsOf, RUNTIME, SERVICE, SPECS, TinyProject, USERS } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

/** Codes with their files, without places. */
async function told(): Promise<readonly string[]> {
  return (await project.problems()).map(({ code, file }) => [code, file].filter(Boolean).join(" "));
}

describe("what does not follow from another mistake is told with it", () => {
  test("a wrong ttl and unit of the spine view hide no rule's mistake", async () => {
    project.change(FEED, "timestamp_unit: s", "timestamp_unit: sec").add(FEED, "ttl: 1y\n");
    project.change(SPECS, "partition_by: user_id", "partition_by: usr");
    project.add(RUNTIME, 'curation:\n  - {column: clr, value: x, where: "evnt = 1"}\n');
    expect(await told()).toEqual([
      `compiler/unresolved-name ${SPECS}`,
      `compiler/unresolved-name ${RUNTIME}`,
      `compiler/unresolved-name ${RUNTIME}`,
      `definition/bad-value ${FEED}`,
      `definition/bad-duration ${FEED}`,
    ]);
  });

  test("a wrong column of the service hides no mistake about another", async () => {
    project.change(SERVICE, "{name: event, kind: spine", "{name: event, kind: spne");
    project.add(RUNTIME, "curation:\n  - {column: clr, value: x, where: \"event = 'a'\"}\n");
    expect(await told()).toEqual([`compiler/unresolved-name ${RUNTIME}`, `definition/bad-value ${SERVICE}`]);
  });

  test("a wrong field hides no other field's absence", async () => {
    project.change(FEED, "event, dtype: TEXT", "event, dtype: TXT");
    project.add(RUNTIME, "content_filter:\n  - {drop_where: \"prce > 1 AND event = 'a'\"}\n");
    expect(await told()).toEqual([`compiler/unresolved-name ${RUNTIME}`, `definition/bad-dtype ${FEED}`]);
  });

  test("a wrong spec hides no other spec's absence", async () => {
    project.change(SPECS, "agg: count", "agg: cont");
    project.add(SERVICE, "  - {name: likes_7d, kind: rolling, dtype: BIGINT}\n");
    expect(await told()).toEqual([`definition/bad-value ${SPECS}`, `compiler/unproduced-column ${SERVICE}`]);
  });

  test("a wrong event list of the session filter does not hide that the roles are missing", async () => {
    project.change(RUNTIME, "spine: {event: event, session: session}", "spine: {session: session}");
    project.add(RUNTIME, "session_filter: {view_events: [], drop_view_only: true}\n");
    expect(await told()).toEqual([`compiler/event-role-needed ${RUNTIME}`, `definition/empty ${RUNTIME}`]);
  });
});

describe("a mistake is told without what follows from it", () => {
  const lookups = (text: string) =>
    project
      .add(RUNTIME, `lookups:\n  - {name: last, view: users, value: score${text}}\n`)
      .add(SERVICE, "  - {name: last, kind: lookup, dtype: DOUBLE}\n");

  test("a source that is not there, of a view with ages, lookups and aggregates", async () => {
    project.write(
      USERS,
      `name: users
entity: user
source: {path: users.parquet, timestamp_field: at, timestamp_unit: s}
fields:
  - {name: score, dtype: DOUBLE}
  - {name: born, dtype: BIGINT}
`,
    );
    lookups(", timestamp: born").add(RUNTIME, "age_columns:\n  - {name: age, created: born, unit: d}\n");
    project.add(
      SERVICE,
      "  - {name: age, kind: derived, dtype: DOUBLE}\n  - {name: changes_7d, kind: rolling, dtype: BIGINT}\n",
    );
    project.add(SPECS, "  - {name: changes, agg: count, view: users, timestamp: born, windows: [7d]}\n");
    expect(await told()).toEqual([`source/no-such-file ${USERS}`]);
  });

  test("a wrong unit, of a view with ages and lookups", async () => {
    project.write(
      USERS,
      `name: users
entity: user
source: {path: users.csv, timestamp_field: at, timestamp_unit: sec}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: at, dtype: BIGINT}
  - {name: score, dtype: BIGINT}
`,
    );
    lookups(", timestamp: score").add(RUNTIME, "age_columns:\n  - {name: age, created: at, unit: d}\n");
    project.change(SERVICE, "{name: last, kind: lookup, dtype: DOUBLE}", "{name: last, kind: lookup, dtype: BIGINT}");
    expect(await told()).toEqual([`definition/bad-value ${USERS}`]);
  });

  test.each(["feed_start: [", undefined])("a runtime.yaml that holds %j", async (text) => {
    lookups("").add(SERVICE, "  - {name: age, kind: derived, dtype: DOUBLE}\n");
    if (text === undefined) project.remove(RUNTIME);
    else project.write(RUNTIME, text);
    expect(new Set(await told())).toEqual(
      new Set([text === undefined ? "definition/missing-file" : `definition/syntax ${RUNTIME}`]),
    );
  });

  test("an aggregations.yaml that does not parse", async () => {
    project.write(SPECS, "aggregation_specs: {");
    expect(new Set(await told())).toEqual(new Set([`definition/syntax ${SPECS}`]));
  });

  test("a misspelt name in feature_refs, and one for another service", async () => {
    project.change(RUNTIME, "[users]", "[usrs]");
    expect(await told()).toEqual([`definition/unknown-view ${RUNTIME}`]);
    project.change(RUNTIME, "feature_refs: [usrs]", "services: {rnk: {feature_refs: [users]}}");
    expect(await told()).toEqual([`definition/unknown-service ${RUNTIME}`]);
  });

  test("a feature_refs that is no list", async () => {
    project.change(RUNTIME, "[users]", "users");
    expect(await told()).toEqual([`definition/wrong-type ${RUNTIME}`]);
  });

  test.each(["{user_id: feed.user_id}", "{}"])("match: %s", async (match) => {
    lookups(`, match: ${match}`);
    expect(await told()).toEqual([`definition/${match === "{}" ? "empty" : "bad-name"} ${RUNTIME}`]);
  });

  test("a spec and a lookup that lost something, and the columns that they would have made", async () => {
    project.change(SPECS, "windows: [7d]", "windows: [7x]");
    lookups("").change(RUNTIME, "value: score", 'value: "a b"');
    expect(await told()).toEqual([`definition/bad-duration ${SPECS}`, `definition/bad-name ${RUNTIME}`]);
  });

  test("a misspelt key of a view, and the columns that it would have brought", async () => {
    project.change(USERS, "fields:", "feilds:");
    expect(await told()).toEqual([`definition/unknown-key ${USERS}`]);
  });

  test.each([
    ["", "has no columns at all"],
    ["user_id;at;score;born\n1;2024-01-01;1;\n", 'but "user_id;at;score;born"'],
  ])("a CSV file that holds %j: all of its columns at once, with what was found", async (content, says) => {
    project.write("users.csv", content);
    const problems = await project.problems();
    expect(problems).toMatchObject([{ code: "compiler/no-source-columns", file: USERS, line: 3, column: 16 }]);
    expect(problems[0]?.says).toContain(says);
    if (content !== "") expect(problems[0]?.help).toContain("commas");
  });

  test("a mistaken field_mapping, and the source's columns", async () => {
    project.change(USERS, "fields:", "field_mapping: {usr: [user_id]}\nfields:");
    project.write("users.csv", "usr,at,score,born\n");
    expect(await told()).toEqual([`definition/wrong-type ${USERS}`]);
  });

  test("a view or a service whose file cannot be read and is called otherwise", async () => {
    project.remove(USERS).write("feature_views/people.yaml", "entity: [");
    expect(new Set(await told())).toEqual(new Set(["definition/syntax feature_views/people.yaml"]));
    project.remove(SERVICE).write("feature_services/best.yaml", "spine: [");
    expect(new Set(await told())).toEqual(
      new Set(["definition/syntax feature_views/people.yaml", "definition/syntax feature_services/best.yaml"]),
    );
  });

  test("a folder that is no project, and a folder of services that is not there", async () => {
    const nowhere = await problemsOf(async () => compileOpened(await readDefinitions("/nowhere"), "rank"));
    expect(nowhere.map(({ code }) => code)).toEqual(["definition/missing-project"]);
    project.add("daedalus.yaml", "paths: {feature_services: servces}\n");
    expect(await told()).toEqual(["definition/missing-file daedalus.yaml"]);
  });
});

test("problems are told by file, line and column", async () => {
  project.change(FEED, "timestamp_unit: s", "timestamp_unit: sec").add(FEED, "ttl: 1y\n");
  project.change(SPECS, "partition_by: user_id", "partition_by: usr");
  project.change(SERVICE, "{name: score", "{name: scor").change(SERVICE, 'version: "1"', "version: 1");
  expect(await project.codes()).toEqual([
    `compiler/unresolved-name ${SPECS}:2:61`,
    `definition/wrong-type ${SERVICE}:2:10`,
    `compiler/unproduced-column ${SERVICE}:9:12`,
    `definition/bad-value ${FEED}:3:63`,
    `definition/bad-duration ${FEED}:10:6`,
  ]);
});
