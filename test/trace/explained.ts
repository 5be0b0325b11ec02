import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileService } from "#daedalus/app/compile-service.js";
import { explainRow } from "#daedalus/app/explain-row.js";
import { loadProject } from "#daedalus/app/project.js";
import type { RowExplanation } from "../../src/audit/explain-row.js";
import type { Step } from "../../src/trace/steps.js";
import { trainDirectory, writeCase } from "../support/product.js";
import { projectOf, type Rule } from "../support/rule.js";

/** Trains the day of a rule and explains a row of it: `user_id=1@10`. Every story is of a row whose file is the same. */
export async function explained(
  rule: Rule,
  row: string,
  options: { readonly columns?: readonly string[]; readonly train?: boolean } = {},
): Promise<RowExplanation> {
  const directory = await mkdtemp(join(tmpdir(), "daedalus-explained-"));
  try {
    await writeCase(directory, { ...projectOf(rule), service: "main" });
    const outputRoot = join(directory, "out");
    if (options.train !== false)
      await trainDirectory(directory, "main", { outputRoot, days: rule.days ?? [rule.day ?? "1970-01-01"] });
    const compiled = await compileService(await loadProject(directory, { environment: {} }), "main");
    const { columns } = options;
    return await explainRow(compiled, row, { outputRoot, ...(columns === undefined ? {} : { columns }) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What became of a column of the only row: its value, and its steps in short. */
export async function storyOf(rule: Rule, row: string, column: string) {
  const { rows, written } = await explained(rule, row, { columns: [column] });
  if (written.outcome !== "same") throw new Error(`written: ${written.outcome}`);
  const cell = rows[0]?.columns[0];
  return { value: cell?.shown, steps: cell?.steps.map(inShort) };
}

/** Rows by their number in the source, reasons by name. */
function inShort(step: Step) {
  switch (step.type) {
    case "scan":
      return { scan: step.row?.row };
    case "join":
    case "pit_join":
      return {
        [step.type]: step.chosen?.row ?? null,
        ...Object.fromEntries(step.excluded.map(({ reason, rows }) => [reason, rows.map(({ row }) => row)])),
        ...(step.nullKey === undefined ? {} : { nullKey: step.nullKey }),
      };
    case "window":
      return {
        entered: step.entered.rows.map(({ row }) => row),
        ...Object.fromEntries(step.excluded.map(({ reason, rows }) => [reason, rows.map(({ row }) => row)])),
        ...(step.own === undefined ? {} : { own: step.own }),
        ...(step.nullKey === undefined ? {} : { nullKey: step.nullKey }),
      };
    default: {
      const { operator: _, ...told } = step;
      return told;
    }
  }
}
