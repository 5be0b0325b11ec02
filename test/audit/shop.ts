import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { audit } from "#daedalus/app/audit-service.js";
import { type CompiledService, compileService } from "#daedalus/app/compile-service.js";
import { openDay } from "#daedalus/app/open-day.js";
import { loadProject } from "#daedalus/app/project.js";
import { SQL_CELLS, type SqlCells } from "#daedalus/engines/sql/cells.js";
import type { AuditOptions } from "../../src/app/audit-service.js";
import type { AuditReport } from "../../src/audit/audit.js";
import { trainDirectory, writeCase } from "../support/product.js";
import { projectOf, type Rule } from "../support/rule.js";

/** A shop whose data hit every edge: ties, window ends, late knowledge, old prices. */
export const SHOP: Rule = {
  day: "1970-01-03",
  days: ["1970-01-02", "1970-01-03"],
  spine: {
    entity: ["user", "item"],
    table: `
      user_id item_id ts     event session
      1       10      86400  like  a
      1       11      86400  like  a
      1       12      90000  view  a
      1       10      172799 like  b
      1       12      172800 like  c
      1       11      172800 view  c
      1       10      180000 view  c
      2       10      86400  buy   d
      2       11      100000 like  d
      2       11      172801 view  e
      2       12      186400 like  e
      2       10      186400 view  e
      3       13      200000 view  f
      3       13      200001 buy   f
    `,
  },
  views: {
    items: {
      entity: "item",
      ttl: "1d",
      available: "known",
      table: `
        item_id at     known  price:DOUBLE colour:TEXT
        10      50000  50000  1.5          red
        10      90000  170000 2.5          red
        10      180000 180000 3.5          blue
        11      60000  60000  7            green
        11      172800 172900 8            green
        12      95000  173000 9            grey
        12      100000 NULL   10           NULL
        13      10     10     11           black
      `,
    },
    users: {
      entity: "user",
      table: `
        user_id at     country:TEXT
        1       10     de
        1       190000 fr
        2       10     ja
        2       172800 en
      `,
    },
  },
  columns: [
    "event spine TEXT",
    "price static DOUBLE",
    "colour static TEXT",
    "country static TEXT",
    "qid derived BIGINT",
  ],
  specs: [
    { name: "seen", agg: "list", source_column: "item_id", windows: ["1d"], exclude_self: true },
    { name: "likes", agg: "count", events: ["like"], windows: ["1d", "all"] },
    { name: "prices", agg: "list", view: "items", source_column: "price", windows: ["7d"] },
  ],
  lookups: [
    {
      name: "bought_before",
      view: "events",
      match: { user_id: "user_id" },
      where: "event <> 'view'",
      value: "item_id",
      collect: true,
    },
  ],
  runtime: { feature_refs: [{ view: "items", as_of: "event" }, "users"] },
};

export interface OpenShop {
  readonly directory: string;
  readonly compiled: CompiledService;
  train(cells?: SqlCells): Promise<void>;
  audit(options?: AuditOptions, cells?: SqlCells): Promise<AuditReport>;
  close(): Promise<void>;
}

export async function openShop(rule: Rule = SHOP): Promise<OpenShop> {
  const directory = await mkdtemp(join(tmpdir(), "daedalus-shop-"));
  await writeCase(directory, { ...projectOf(rule), service: "main" });
  return shopIn(directory);
}

/** The service `main` of a project that is there. */
export async function shopIn(directory: string): Promise<OpenShop> {
  const compiled = await compileService(await loadProject(directory, { environment: {} }), "main");
  const outputRoot = join(directory, "out");
  return {
    directory,
    compiled,
    async train(cells = SQL_CELLS) {
      await trainDirectory(directory, "main", { outputRoot, cells });
    },
    audit: (options = {}, cells = SQL_CELLS) =>
      audit(compiled, { outputRoot, counterExamples: directory, ...options }, (context) => openDay(context, cells)),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
