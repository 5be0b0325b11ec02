import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  analyze,
  compileService,
  type Explanation,
  explain,
  explanationPage,
  loadProject,
  train,
  writtenDaysOf,
} from "daedalus";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toJson } from "#daedalus/app/plain-json.js";
import { MAIN } from "../runs/processes.js";
import { type Browser, chromiumPath, type OpenedPage, openBrowser, whyNoBrowser } from "../support/browser.js";
import { writeShop } from "../support/shop.js";
import { HOSTILE, hostileExplanation, tangledExplanation } from "./explanations.js";

// The page of `explain --format html` as a reader has it: in a real browser, from a file.

const WIDTHS = [1280, 390] as const;

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? `the page in a browser (${whyNoBrowser})` : "the page in a browser",
  () => {
    let browser: Browser;
    let folder: string;
    /** The shop, with a day that was run and two that are written. */
    let shop: Explanation;
    const opened: OpenedPage[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "daedalus-page-"));
      await writeShop(folder);
      const compiled = await compileService(await loadProject(folder, { environment: {} }), "rank");
      const outputRoot = join(folder, "out");
      await train(compiled, { outputRoot, from: "2024-01-03", to: "2024-01-04" });
      const explanation = explain(compiled, {
        analysis: await analyze(compiled, { outputRoot, targetDate: "2024-01-04" }),
        written: await writtenDaysOf(compiled, { outputRoot }),
      });
      await write("shop.html", explanation);
      shop = JSON.parse(toJson(explanation));
      browser = await openBrowser();
    });
    afterAll(async () => {
      for (const { close } of opened) await close();
      await browser?.close();
      await rm(folder, { recursive: true });
    });

    async function write(name: string, explanation: Explanation): Promise<string> {
      const path = join(folder, name);
      await writeFile(path, await explanationPage(toJson(explanation)));
      return path;
    }

    async function open(name: string, options: Parameters<Browser["open"]>[1] = {}): Promise<OpenedPage> {
      const page = await browser.open(join(folder, name), options);
      opened.push(page);
      return page;
    }

    test("the command's page holds the JSON of --json", async () => {
      const words = ["--project", folder, "pipeline", "explain", "rank", "--output-root", join(folder, "out")];
      const daeda = (...more: string[]) =>
        execFileSync(process.execPath, [MAIN, ...words, ...more], { encoding: "utf8", maxBuffer: 1 << 26 });
      const json = JSON.parse(daeda("--json"));
      const path = join(folder, "by-command.html");
      expect(daeda("--format", "html", "--out", path)).toBe(`${path}\n`);
      const page = await readFile(path, "utf8");
      expect(page).toBe(daeda("--format", "html"));
      const { page: shown, noise } = await open("by-command.html");
      expect(JSON.parse((await shown.textContent("#explanation")) ?? "")).toEqual(json);
      expect(await shown.locator("[data-figure]").count()).toBe(0);
      expect(noise).toEqual([]);
    });

    test.each(WIDTHS)("at %i px every operator is visible, and none overlaps another", async (width) => {
      const { page, noise } = await open("shop.html", { width });
      await expectAllVisible(page, shop);
      expect(noise).toEqual([]);
    });

    test.each(WIDTHS)("at %i px that holds for sixty tangled operators with long and wide names", async (width) => {
      const tangled = tangledExplanation(60);
      await write("tangled.html", tangled);
      const { page, noise } = await open("tangled.html", { width });
      await expectAllVisible(page, tangled);
      expect(noise).toEqual([]);
    });

    test("the same page gets another shape when the window does", async () => {
      const { page } = await open("shop.html", { width: 1280 });
      await page.click('[data-operator="rolling"]');
      const wide = await page.locator("#dag svg").getAttribute("width");
      await page.setViewportSize({ width: 500, height: 900 });
      await expect.poll(() => page.locator("#dag svg").getAttribute("width")).not.toBe(wide);
      expect(await litOperators(page)).toEqual(["rolling"]);
      await page.keyboard.press("Escape");
      await expectAllVisible(page, shop);
    });

    test("the numbers are those of --json", async () => {
      const { page } = await open("shop.html");
      for (const { name, measured } of shop.operators) {
        const figure = (which: string) =>
          page.locator(`[data-operator="${name}"] [data-figure="${which}"]`).allTextContents();
        expect(await figure("rows"), name).toEqual([`${thousands(measured?.rows ?? -1)} rows`]);
        const { dropped, bytes, seconds = 0, countedIn = [] } = measured ?? {};
        expect(await figure("dropped"), name).toEqual(dropped === undefined ? [] : [`−${thousands(dropped)}`]);
        const [time = ""] = await figure("seconds");
        if (seconds === 0) expect(time).toBe(`in ${countedIn.join(", ")}`);
        else expectRounded(time.replace(" +", ""), seconds, { ms: 0.001, s: 1 });
        expect(time.endsWith(" +"), name).toBe(seconds > 0 && countedIn.length > 0);
        const [weight = ""] = await figure("bytes");
        if (bytes === undefined) expect(weight).toBe("");
        else expectRounded(weight.replace(" read", ""), bytes, { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 });
      }
      const { rows = 0, seconds = 0, peakMemoryBytes = 0 } = shop.analysis ?? {};
      const tiles = await page.locator(".tile.measured b").allTextContents();
      expect(tiles[0]).toBe(thousands(rows));
      expectRounded(tiles[1] ?? "", seconds, { ms: 0.001, s: 1 });
      expectRounded(tiles[2] ?? "", peakMemoryBytes, { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 });
    });

    test("a click on an operator shows its fields and its SQL, or that of those that it is composed into", async () => {
      const { page, noise } = await open("shop.html");
      for (const { name, kind, fields, sql, composedInto } of shop.operators) {
        await page.click(`[data-operator="${name}"]`);
        const details = page.locator("#details");
        expect(await details.locator("h3").textContent()).toBe(name);
        const said = (await details.textContent()) ?? "";
        for (const word of [kind, ...Object.keys(fields), ...composedInto]) expect(said, name).toContain(word);
        const statements = (await details.locator("pre.sql").allTextContents()).map(oneLine);
        const owners = [...(sql.length === 0 ? [] : [name]), ...composedInto.filter((other) => sqlOf(other) !== "")];
        expect(statements, name).toEqual(owners.map(sqlOf));
        expect(statements.length, name).toBeGreaterThan(0);
      }
      expect(noise).toEqual([]);
    });

    test("a column that is selected lights up its operators, and its sources in their scans", async () => {
      const { page } = await open("shop.html");
      for (const { name, operators, sources } of shop.columns) {
        await page.click(`[data-column="${name}"] button`);
        expect(await litOperators(page), name).toEqual([...operators].sort());
        const read = await page.locator(".node.reads .read").allTextContents();
        expect(read.flatMap((text) => text.split(", ")).sort(), name).toEqual(
          sources.map((source) => source.slice(source.indexOf(".") + 1)).sort(),
        );
        expect(await page.locator("#details .source").allTextContents()).toEqual(sources);
      }
      await page.click('[data-column="price"] button');
      await page.click('[data-column="price"] button');
      expect(await litOperators(page)).toEqual([]);
    });

    test("the table of columns tells dtype, kind, engine and sources, and can be searched", async () => {
      const { page } = await open("shop.html");
      for (const { name, dtype, kind, engines, sources } of shop.columns) {
        const row = page.locator(`[data-column="${name}"]`);
        expect(await row.locator(".dtype").textContent()).toBe(dtype);
        expect(await row.locator("td").first().textContent()).toBe(kind);
        expect(await row.locator(".engine").allTextContents()).toEqual(engines);
        expect(await row.locator(".sources code").allTextContents()).toEqual(sources);
      }
      await page.fill('input[type="search"]', "orders.amount");
      expect(await page.locator("[data-column]:visible").count()).toBe(1);
    });

    test("views that can leak are marked where they are joined, on their columns and in words", async () => {
      const { page } = await open("shop.html");
      expect(
        await page
          .locator(".node.leaks")
          .evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-operator"))),
      ).toEqual(["join_users"]);
      expect(
        await page
          .locator("tr:has(.leaking)")
          .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-column"))),
      ).toEqual(["country"]);
      expect(await page.textContent("#causality .callout")).toMatch(
        /^users is joined as_of: latest.*It reaches country/,
      );
    });

    test("the manifests' figures are drawn; without a written day the page says so", async () => {
      const { page } = await open("shop.html");
      const card = page.locator(".cards .card", { hasText: "liked_1d" });
      const written = shop.written?.columns.find(({ name }) => name === "liked_1d");
      const mean = written?.meanLength?.[1]?.toFixed(1);
      expect(await card.locator("figcaption").allTextContents()).toEqual([
        "0 % NULL",
        `length ${written?.shortest?.[1]} to ${written?.longest?.[1]}, mean ${mean}`,
      ]);
      expect(await card.locator("svg polyline.line").count()).toBe(2);
      const { written: _, ...unread } = shop;
      await write("unwritten.html", {
        ...unread,
        written: { outputRoot: "some/where", count: 0, days: [], columns: [] },
      });
      const { page: bare } = await open("unwritten.html");
      expect(await bare.textContent("#distributions")).toContain("No day is written yet in some/where");
    });

    test("everything is reached by keyboard", async () => {
      const { page } = await open("shop.html");
      await page.keyboard.press("Tab");
      const first = await page.evaluate(() => document.activeElement?.getAttribute("data-operator"));
      expect(first).toBe("scan_feed");
      await page.keyboard.press("Enter");
      expect(await page.textContent("#details h3")).toBe("scan_feed");
      await page.keyboard.press("Escape");
      expect(await page.locator("#details h3").count()).toBe(0);
      await page.focus('[data-column="price"] button');
      await page.keyboard.press("Space");
      expect(await page.textContent("#details h3")).toBe("price");
    });

    test("on a phone the details come up from below, and what they are about stays in sight", async () => {
      const { page } = await open("shop.html", { width: 390, height: 844 });
      for (const name of ["scan_feed", "rolling", "sink"]) {
        await page.locator(`[data-operator="${name}"]`).dispatchEvent("click");
        const details = await page.locator("#details").boundingBox();
        const node = await page.locator(`[data-operator="${name}"]`).boundingBox();
        expect((node?.y ?? 0) + (node?.height ?? 0), name).toBeLessThanOrEqual((details?.y ?? 0) + 1);
        expect(node?.y, name).toBeGreaterThanOrEqual(0);
      }
      await page.click("#details .close");
      expect(await page.locator("#details").isVisible()).toBe(false);
    });

    test("dark and light are the reader's choice", async () => {
      const colours = async (dark: boolean) => {
        const { page } = await open("shop.html", { dark });
        return page.evaluate(() => [
          getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.body).color,
        ]);
      };
      const [light, dark] = [await colours(false), await colours(true)];
      expect(light).toEqual(["rgb(246, 247, 249)", "rgb(28, 36, 48)"]);
      expect(dark).toEqual(["rgb(18, 22, 28)", "rgb(228, 233, 240)"]);
    });

    test.each(WIDTHS)("at %i px hostile names are text, and wide integers keep their digits", async (width) => {
      const hostile = hostileExplanation();
      await write("hostile.html", hostile);
      const { page, noise } = await open("hostile.html", { width });
      expect(await page.textContent("h1")).toBe(hostile.service);
      expect(await page.title()).toBe(`${hostile.service} · Daedalus`);
      await expectAllVisible(page, hostile);
      const names = (attribute: string) =>
        page.locator(`[${attribute}]`).evaluateAll((all, key) => all.map((one) => one.getAttribute(key)), attribute);
      expect((await names("data-operator")).sort()).toEqual([...HOSTILE].sort());
      expect(await page.locator("[data-column] .name").allTextContents()).toEqual([...HOSTILE]);
      for (let index = 0; index < HOSTILE.length; index++) {
        await page.locator("[data-operator]").nth(index).dispatchEvent("click");
        const name = await page.textContent("#details h3");
        expect(HOSTILE).toContain(name);
        await page.locator("[data-column] button").nth(index).dispatchEvent("click");
      }
      await page.locator("[data-operator]").first().dispatchEvent("click");
      expect(await page.textContent("#details .fields")).toContain("limit: 9007199254740993");
      expect(await page.evaluate(() => Reflect.get(window, "hacked"))).toBeUndefined();
      expect(await page.locator("img").count()).toBe(0);
      expect(noise).toEqual([]);
    });

    function sqlOf(name: string): string {
      const sql = shop.operators.find((operator) => operator.name === name)?.sql ?? [];
      return oneLine(sql.map((statement) => `${statement};`).join(" "));
    }
  },
);

interface Box {
  readonly name: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Of everything in it, text that leaves its card included. */
  readonly hit: boolean;
}

/** Every operator is there, has a size, lies within the page, is not covered, and shares no point with another. */
async function expectAllVisible(page: Page, { operators }: Explanation): Promise<void> {
  const boxes = await page.locator("[data-operator]").evaluateAll((nodes) =>
    nodes.map((node): Box => {
      node.scrollIntoView({ block: "center" });
      const { left, top, right, bottom } = node.getBoundingClientRect();
      const met = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return {
        name: node.getAttribute("data-operator") ?? "",
        left,
        top: top + window.scrollY,
        right,
        bottom: bottom + window.scrollY,
        hit: met !== null && node.contains(met),
      };
    }),
  );
  expect(boxes.map(({ name }) => name).sort()).toEqual(operators.map(({ name }) => name).sort());
  const [width, scrolled] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  expect(scrolled).toBeLessThanOrEqual(width ?? 0);
  for (const { name, left, right, top, bottom, hit } of boxes) {
    expect(hit, `${name} is covered`).toBe(true);
    expect(right - left, name).toBeGreaterThan(100);
    expect(bottom - top, name).toBeGreaterThan(40);
    expect(left, name).toBeGreaterThanOrEqual(0);
    expect(right, name).toBeLessThanOrEqual(width ?? 0);
  }
  const overlaps = boxes.flatMap((one, index) =>
    boxes
      .slice(index + 1)
      .filter((two) => one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom)
      .map((two) => `${one.name} and ${two.name}`),
  );
  expect(overlaps).toEqual([]);
}

async function litOperators(page: Page): Promise<readonly (string | null)[]> {
  const names = await page
    .locator(".node.lit")
    .evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-operator")));
  return names.sort();
}

function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1.2 MB` tells the value within half of its last digit. */
function expectRounded(text: string, value: number, units: Readonly<Record<string, number>>): void {
  const [, figure = "", fraction = "", unit = ""] = /^(\d+(?:\.(\d+))?) (\w+)$/.exec(text) ?? [];
  const size = units[unit] ?? Number.NaN;
  expect(Math.abs(Number(figure) * size - value), `${text} for ${value}`).toBeLessThanOrEqual(
    (size * 0.5001) / 10 ** fraction.length + (text === "0.1 ms" ? 1e-4 : 0),
  );
}

function oneLine(sql: string): string {
  return sql
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\( | \)/g, (match) => match.trim())
    .trim();
}
