import { afterEach, beforeEach, expect, test } from "vitest";
import { FEED, TinyProject, USERS } from "../support/tiny-project.js";

// The fields of NDJSON are known when it is read: what its times are is for the view to say, as for any other source.

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
  project.write("feed.ndjson", '{"user_id":1,"ts":1704067200,"event":"view","session":"a","price":1.5}\n');
  project.write("users.ndjson", '{"user_id":1,"at":"2023-12-01T00:00:00","known":1701388800,"score":0.5}\n');
  project.change(FEED, "feed.csv", "feed.ndjson").change(USERS, "users.csv", "users.ndjson");
});
afterEach(() => project.close());

const codes = async (): Promise<readonly string[]> => (await project.codes()).map((told) => told.replace(/:\d+$/, ""));

test("as they are to be", async () => {
  expect(await codes()).toEqual([]);
});

test("an integer without a unit is refused, of the spine and of what it sees", async () => {
  project.change(FEED, ", timestamp_unit: s", "");
  expect(await codes()).toEqual([`compiler/unit-needed ${FEED}:3`]);
  project.change(USERS, "dtype: TIMESTAMP", "dtype: BIGINT");
  expect(await codes()).toEqual([`compiler/unit-needed ${FEED}:3`, `compiler/unit-needed ${USERS}:3`]);
});

test("so is one from which on a row is known", async () => {
  project.change(USERS, "timestamp_field: at}", "timestamp_field: at, available_field: known}");
  project.change(USERS, "  - {name: at,", "  - {name: known, dtype: BIGINT}\n  - {name: at,");
  expect(await codes()).toEqual([`compiler/unit-needed ${USERS}:3`]);
});

test("a double is no time, and a time of its own unit takes no other", async () => {
  project.change(FEED, "{name: ts, dtype: BIGINT}", "{name: ts, dtype: DOUBLE}");
  project.change(USERS, "timestamp_field: at}", "timestamp_field: at, timestamp_unit: s}");
  expect((await codes()).filter((told) => !told.startsWith("compiler/dtype-differs"))).toEqual([
    `compiler/not-a-time ${FEED}:3`,
    `compiler/unit-refused ${USERS}:3`,
  ]);
});
