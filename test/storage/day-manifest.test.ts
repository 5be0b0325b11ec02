import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  checksum,
  DamagedDay,
  type DayManifest,
  modificationTimes,
  readDay,
  writeManifest,
} from "#daedalus/storage/day-manifest.js";
import { temporaryFolder } from "../runs/processes.js";

async function day(change: (manifest: DayManifest) => unknown = (manifest) => manifest): Promise<string> {
  const folder = join(await temporaryFolder(), "dt=2024-01-01");
  await mkdir(folder);
  await writeFile(join(folder, "part-0-0.parquet"), "data");
  const manifest: DayManifest = {
    format: 1,
    service: "s",
    version: "1",
    day: "2024-01-01",
    state: "complete",
    stages: ["skeleton"],
    rows: 1,
    schema: [{ name: "x", dtype: "BIGINT" }],
    parts: [{ name: "part-0-0.parquet", rows: 1, ...(await checksum(join(folder, "part-0-0.parquet"))) }],
    columns: [{ name: "x", dtype: "BIGINT", nulls: 0, min: "9007199254740993", max: "9007199254740993" }],
    target_rows: 1,
    dropped: {},
    written: 1,
    fingerprint: "f",
    inputs: { definition: {}, bounded: [], unbounded: [] },
    versions: {},
    run: {
      id: "r",
      host: "h",
      started: "",
      seconds: 1,
      scanned: { scan: 1 },
      stages: {},
      modified: await modificationTimes(folder, ["part-0-0.parquet"]),
    },
  };
  await writeManifest(folder, manifest);
  const text = JSON.stringify(change(JSON.parse(await readFile(join(folder, "_manifest.json"), "utf8"))));
  await writeFile(join(folder, "_manifest.json"), text);
  return folder;
}

test("a day is read back as it was written", async () => {
  const manifest = await readDay(await day());
  expect(manifest).toMatchObject({ day: "2024-01-01", columns: [{ min: "9007199254740993" }] });
  expect(manifest?.parts[0]).toEqual({
    name: "part-0-0.parquet",
    rows: 1,
    bytes: 4,
    sha256: "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",
  });
});

test("a folder that is not there is no day", async () => {
  expect(await readDay(join(await temporaryFolder(), "dt=2024-01-01"))).toBeUndefined();
});

test.each([
  ["rows", "rows is missing"],
  ["parts", "parts is missing"],
  ["inputs", "inputs is missing"],
  ["run", "run is missing"],
  ["fingerprint", "fingerprint is missing"],
])("a manifest without %s is damaged", async (key, says) => {
  const folder = await day((manifest) => Object.fromEntries(Object.entries(manifest).filter(([name]) => name !== key)));
  await expect(readDay(folder)).rejects.toThrow(says);
  await expect(readDay(folder)).rejects.toThrow(DamagedDay);
});

test("a manifest with other types, a part without a checksum, and no object at all are damaged", async () => {
  await expect(readDay(await day((manifest) => ({ ...manifest, rows: "1" })))).rejects.toThrow("rows");
  await expect(readDay(await day((manifest) => ({ ...manifest, parts: [{ name: "x" }] })))).rejects.toThrow("parts[]");
  await expect(readDay(await day(() => [1]))).rejects.toThrow(DamagedDay);
  await expect(readDay(await day(() => null))).rejects.toThrow(DamagedDay);
});

test("a file that the manifest does not name is damage: readers of the folder would see it", async () => {
  const folder = await day();
  await writeFile(join(folder, "part-1-0.parquet"), "");
  await expect(readDay(folder)).rejects.toThrow("part-1-0.parquet is not in its manifest");
});

test("a part of the same size with other bytes is damage", async () => {
  const folder = await day();
  await writeFile(join(folder, "part-0-0.parquet"), "DATA");
  await expect(readDay(folder)).rejects.toThrow("another checksum");
});
