import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { IrNode } from "../formulas/ir/node.js";
import { RowStream, type Rows } from "./row-stream.js";
import type { OpenTable } from "./run-table.js";

/** Columns that an earlier part of the run has left: a row for each row of the table, in its order or beside its number. */
export interface StagedFile {
  readonly path: string;
  /** A column with the rows' numbers, where they lie in another order. */
  readonly numbered: boolean;
}

/** The values of nodes on all rows of a table, in its order: columns of its own, and staged ones. */
export class TableRows {
  private constructor(
    private readonly streams: readonly { readonly stream: RowStream; readonly places: readonly number[] }[],
    private readonly width: number,
    private readonly table: OpenTable,
  ) {}

  static async open(
    session: SqlSession,
    table: OpenTable,
    nodes: readonly IrNode[],
    staged: ReadonlyMap<string, StagedFile>,
  ): Promise<TableRows> {
    const byFile = new Map<StagedFile | undefined, number[]>();
    for (const [place, { id, primitive }] of nodes.entries()) {
      const file = primitive === "SOURCE" ? undefined : staged.get(id);
      byFile.set(file, [...(byFile.get(file) ?? []), place]);
    }
    // A file in the table's order has its times: to order the rows again costs more than all else.
    const first = byFile.has(undefined) ? undefined : [...byFile.keys()].find((file) => file?.numbered === false);
    const ordered = [first, ...[...byFile.keys()].filter((file) => file !== first)];
    const streams: { stream: RowStream; places: readonly number[] }[] = [];
    for (const file of ordered) {
      const places = byFile.get(file) ?? [];
      const chosen = places.map((place) => nodes[place] as IrNode);
      const sql =
        file === undefined
          ? table.ordered(chosen.map(({ params }) => String(params["column"])))
          : stagedRows(
              file,
              chosen.map(({ id }) => id),
            );
      const stream = await RowStream.open(session, sql).catch(async (error: unknown) => {
        for (const opened of streams) await opened.stream.close();
        throw await table.explained(error);
      });
      streams.push({ stream, places });
    }
    return new TableRows(streams, nodes.length, table);
  }

  /** Room for so many rows. */
  room(rows: number): Rows {
    return RowStream.room(rows, this.width);
  }

  async skip(rows: number): Promise<void> {
    for (const { stream } of this.streams) await this.#guarded(stream.fill(undefined, 0, rows));
  }

  /** The next rows, from a row of the room on. */
  async fill(into: Rows, at: number, rows: number): Promise<void> {
    for (const [number, { stream, places }] of this.streams.entries()) {
      const columns = places.map((place) => into.columns[place] as Rows["columns"][number]);
      // The first have the times.
      const ticks = number === 0 ? { ticks: into.ticks } : {};
      await this.#guarded(stream.fill({ ...ticks, columns }, at, rows));
    }
  }

  async close(): Promise<void> {
    for (const { stream } of this.streams) await stream.close();
  }

  async #guarded(work: Promise<void>): Promise<void> {
    await work.catch(async (error: unknown) => {
      throw await this.table.explained(error);
    });
  }
}

function stagedRows({ path, numbered }: StagedFile, ids: readonly string[]): string {
  const columns = ids.map((id) => `CAST(${identifier(id)} AS DOUBLE) AS ${identifier(id)}`);
  const order = numbered ? " ORDER BY t ASC NULLS FIRST" : "";
  return `SELECT ${["t", ...columns].join(", ")} FROM read_parquet(${text(path)})${order}`;
}
