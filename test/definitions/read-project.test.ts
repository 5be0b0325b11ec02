import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { placeOf } from "#daedalus/definitions/place.js";
import { readProject } from "#daedalus/definitions/read-project.js";
import { formatProblem } from "#daedalus/errors/problem.js";
import { changed, RIGHT, reading } from "./wrong-project.js";

const ARTWORKS = fileURLToPath(new URL("../../examples/artworks/", import.meta.url));

describe("the complete project of chapter 7", () => {
  test("reads without a problem", async () => {
    const { project, problems } = await readProject(ARTWORKS, { environment: {} });
    expect(problems.map(formatProblem)).toEqual([]);
    expect([...project.views.keys()].sort()).toHaveLength(7);
    expect(project.services.get("dssm_ranking")?.columns).toHaveLength(57);
    expect(project.aggregations.aggregationSpecs[0]?.maxLength).toBe(32n);
    expect(project.aggregations.embeddingStores["artwork"]?.dim).toBe(64n);
    const runtime = project.runtimeOf("dssm_ranking");
    expect(runtime.featureRefs[1]).toEqual({ view: "artwork_properties", asOf: "event" });
    expect(runtime.compute.duckdbConfig).toEqual({
      threads: "4",
      memory_limit: "8GB",
      temp_directory: "/tmp/daedalus",
    });
    expect(runtime.retrieverRemap).toEqual({
      column: "retriever_id",
      map: [
        [11n, 1n],
        [12n, 1n],
        [27n, 2n],
      ],
      otherwise: 0n,
    });
  });

  test("is frozen all the way down", async () => {
    const { project } = await readProject(ARTWORKS, { environment: {} });
    const runtime = project.runtimeOf("dssm_ranking");
    const loose: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) loose.push(path);
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
    };
    for (const view of project.views.values()) visit(view, view.name);
    for (const service of project.services.values()) visit(service, service.name);
    visit(project.aggregations, "aggregations");
    visit(project.base, "base");
    visit(runtime, "runtime");
    expect(loose).toEqual([]);
  });

  test("can be read from anywhere", async () => {
    const copy = await mkdtemp(join(tmpdir(), "daedalus-dssm-"));
    try {
      await cp(ARTWORKS, copy, { recursive: true });
      expect((await readProject(copy)).project.directory).toBe(copy);
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});

test("the small project has no problem", async () => {
  expect((await reading(RIGHT)).problems).toEqual([]);
});

test("twenty-one mistakes are told at once, each in its place", async () => {
  const { problems } = await reading({
    "daedalus.yaml": "name: my shop\nversion: 1\n",
    "config/base.yaml":
      "entities: {user: user id}\nconstants: {n: [1]}\nconnections: {db: {type: postgres, host: h, database: d, password: x}}\n",
    "feature_views/feed.yaml":
      "name: feed\nentity: user\nttl: 7\nsource: {path: x, timestamp_unit: min}\nfields:\n  - {name: a, dtype: BIGNIT}\n  - {name: b}\n",
    "feature_services/s.yaml":
      "name: s\nversion: 1\nspine: fed\ncolumns:\n  - {name: u, kind: key, dtype: BIGINT}\n  - {name: U, kind: statc, dtype: BIGINT}\n  - {name: u, kind: spine, dtype: BIGINT}\n",
    "config/training/aggregations.yaml":
      "aggregation_specs:\n  - {name: a, agg: list, source_column: x, windows: [], partition_by: u, max_length: 0}\n  - {name: b, agg: sum, windows: [7d], partition_by: u}\n",
    "config/training/runtime.yaml":
      'feed_start: 202601\nfeed_end: "202603"\nday_workers: 0\noutput_root: "${NOWHERE}"\nlookups: [{name: l, view: feed, value: x, window: 3d}]\n',
  });
  expect(
    problems.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code.slice("definition/".length)}`),
  ).toEqual([
    "config/base.yaml:1:18 bad-name",
    "config/base.yaml:2:16 wrong-type",
    "config/base.yaml:3:19 missing-key",
    "config/base.yaml:3:68 inline-secret",
    "config/training/aggregations.yaml:2:53 empty",
    "config/training/aggregations.yaml:2:86 out-of-range",
    "config/training/aggregations.yaml:3:5 key-needed",
    "config/training/runtime.yaml:1:13 wrong-type",
    "config/training/runtime.yaml:3:14 out-of-range",
    "config/training/runtime.yaml:4:14 unset-variable",
    "config/training/runtime.yaml:5:43 key-not-allowed",
    "daedalus.yaml:1:7 bad-name",
    "daedalus.yaml:2:1 unknown-key",
    "feature_services/s.yaml:2:10 wrong-type",
    "feature_services/s.yaml:3:8 unknown-view",
    "feature_services/s.yaml:6:21 bad-value",
    "feature_services/s.yaml:7:12 duplicate-name",
    "feature_views/feed.yaml:3:6 wrong-type",
    "feature_views/feed.yaml:4:35 bad-value",
    "feature_views/feed.yaml:6:22 bad-dtype",
    "feature_views/feed.yaml:7:5 missing-key",
  ]);
});

describe("a mistake does not cascade", () => {
  test("a view that does not parse stays known", async () => {
    const { project, problems } = await reading(changed({ "feature_views/items.yaml": "name: items\nsource: {\n" }));
    expect(new Set(problems.map(({ code, file }) => `${file} ${code}`))).toEqual(
      new Set(["feature_views/items.yaml definition/syntax"]),
    );
    const view = project.views.get("items");
    expect(view && project.isMistaken(view)).toBe(true);
  });

  test("constants of a base that does not parse are not missed", async () => {
    const { problems } = await reading(
      changed({
        "config/base.yaml": "constants: {\n",
        "config/training/aggregations.yaml": ["max_length: 5", 'max_length: "${const.longest}"'],
        "feature_views/items.yaml": ["{path: data/items,", "{connection: db, table: t,"],
      }),
    );
    expect(new Set(problems.map(({ file }) => file))).toEqual(new Set(["config/base.yaml"]));
  });

  test("a mistaken constant is told once", async () => {
    const { problems } = await reading(
      changed({
        "config/base.yaml": ["longest: 32", "longest: [32]"],
        "config/training/aggregations.yaml": ["max_length: 5", 'max_length: "${const.longest}"'],
      }),
    );
    expect(problems).toHaveLength(1);
  });
});

describe("runtimeOf", () => {
  test("fills defaults", async () => {
    const { project } = await reading(
      changed({ "config/training/runtime.yaml": 'feed_start: "202601"\nfeed_end: "202601"\n' }),
    );
    expect(project.runtimeOf("ranking")).toEqual({
      feedStart: "202601",
      feedEnd: "202601",
      entitySpineChunkRows: 500_000n,
      dayWorkers: 1n,
      outputRoot: "data/training_output/${service}",
      compute: { engine: "kernel", pitEngine: "kernel", duckdbConfig: {}, taskAttempts: 2n },
      featureRefs: [],
      spine: {},
      lookups: [],
      ageColumns: [],
      udfColumns: [],
      curation: [],
      contentFilter: [],
    });
  });

  test("lays a service's keys over the others whole; null is as if absent", async () => {
    const runtime =
      'feed_start: "202601"\nfeed_end: "202603"\nday_workers: 3\nspine: {event: e, session: s}\nfeature_refs: [items]\n' +
      "services: {ranking: {spine: {event: f}, feature_refs: null, day_workers: null, embedding_coverage_filter: false}}\n";
    const { project, problems } = await reading(changed({ "config/training/runtime.yaml": runtime }));
    expect(problems).toEqual([]);
    const laid = project.runtimeOf("ranking");
    expect(laid).toMatchObject({ spine: { event: "f" }, featureRefs: [], dayWorkers: 1n });
    expect(laid.spine).not.toHaveProperty("session");
    expect(laid.embeddingCoverageFilter).toEqual({ enabled: false, scope: "target_day" });
    expect(project.runtimeOf("other")).toMatchObject({ dayWorkers: 3n, spine: { event: "e", session: "s" } });
    expect(placeOf(project, laid, "spine")).toMatchObject({ line: 6, column: 29 });
    expect(placeOf(project, laid, "feedEnd")).toMatchObject({ line: 2, column: 11 });
  });
});

describe("places", () => {
  test("names that every object has are names like others", async () => {
    const { project } = await reading(RIGHT);
    for (const name of ["constructor", "toString", "__proto__"]) expect(project.base.entities[name]).toBeUndefined();
  });

  test("of values, keys, elements, and of the definition where a key is a default", async () => {
    const { project } = await reading(RIGHT);
    const spec = project.aggregations.aggregationSpecs[0];
    if (spec === undefined) throw new Error("no spec");
    expect(placeOf(project, spec, "sourceColumn")).toMatchObject({
      file: "config/training/aggregations.yaml",
      line: 2,
      column: 46,
      excerpt: { length: 7 },
    });
    expect(placeOf(project, spec, "sourceColumn", "key")).toMatchObject({ line: 2, column: 31 });
    expect(placeOf(project, spec.windows, 0)).toMatchObject({ line: 2, column: 80 });
    expect(placeOf(project, spec, "excludeSelf")).toMatchObject({ line: 2, column: 5 });
    expect(placeOf(project, {})).toEqual({});
  });

  test("an alias stands where it is used", async () => {
    const { project, problems } = await reading(
      changed({ "feature_views/items.yaml": ["ttl: 90d", "ttl: &span 90d\ndescription: *span"] }),
    );
    expect(problems).toEqual([]);
    const view = project.views.get("items");
    expect(view?.description).toBe("90d");
    expect(view && placeOf(project, view, "description")).toMatchObject({ line: 4, column: 14 });
  });
});

describe("paths", () => {
  test("of daedalus.yaml, and of the caller, which win", async () => {
    const files = {
      ...changed({ "config/training/runtime.yaml": undefined }),
      "daedalus.yaml": "name: shop\npaths: {runtime: own.yaml}\n",
      "own.yaml": 'feed_start: "202601"\nfeed_end: "202601"\n',
      "given.yaml": 'feed_start: "202501"\nfeed_end: "202501"\n',
    };
    expect((await reading(files)).project.runtimeOf("ranking").feedStart).toBe("202601");
    const given = await reading(files, { paths: { runtime: "given.yaml" } });
    expect(given.project.runtimeOf("ranking").feedStart).toBe("202501");
  });

  test("base.yaml and aggregations.yaml may be absent", async () => {
    const { problems } = await reading(
      changed({ "config/base.yaml": undefined, "config/training/aggregations.yaml": undefined }),
    );
    expect(problems).toEqual([]);
  });
});

test("overrides are read by service, generated files are not", async () => {
  const { project, problems } = await reading({
    ...RIGHT,
    "config/pipelines/ranking.generated.yaml": "not: [read\n",
    "config/pipelines/ranking.yaml": "operators:\n  - {name: scan, engine: sql, inputs: [a, b], nested: {deep: 1}}\n",
  });
  expect(problems).toEqual([]);
  expect(project.overrides.get("ranking")).toEqual({
    operators: [{ name: "scan", fields: { engine: "sql", inputs: ["a", "b"], nested: { deep: 1n } } }],
  });
});

test("an unset variable of a connection is told only to those who need it", async () => {
  const { project, problems } = await reading(
    changed({ "config/base.yaml": 'connections: {db: {type: postgres, host: "${PG_HOST}", database: d, user: u}}\n' }),
  );
  expect(problems).toEqual([]);
  expect(project.connectionProblems("db")).toMatchObject([{ code: "definition/unset-variable", line: 1, column: 42 }]);
});
