/** A node of a DAG, as its layout needs it; inputs name nodes that stand before it. */
export interface LayoutNode {
  readonly name: string;
  readonly inputs: readonly string[];
}

/** Where a node stands: a cell of a grid that no other node has; inputs stand in rows above. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/**
 * How an edge gets past the rows between its ends: straight to the next row, down a column that is free there (its start's
 * or its end's), or down a lane in the gutter left of a column (the last gutter is right of all columns).
 */
export type Way =
  | { readonly by: "next" }
  | { readonly by: "start" }
  | { readonly by: "end" }
  | { readonly by: "gutter"; readonly gutter: number; readonly lane: number };

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** Which input of `to`. */
  readonly input: number;
  readonly way: Way;
}

export interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly edges: readonly Edge[];
  /** Lanes of each gutter. */
  readonly lanes: readonly number[];
}

/**
 * A layered layout, top to down, of at most so many columns; the same DAG always gets the same. A node stands in the layer
 * above the first that reads it; its first input stands in its own column, the others to the right, so the chain of the rows
 * is a straight line with what is joined beside it. A layer with more nodes than columns takes several rows.
 */
export function layoutOf(nodes: readonly LayoutNode[], mostColumns: number): Layout {
  const layers = layersOf(nodes);
  const columns = Math.max(1, Math.min(mostColumns, Math.max(1, ...layers.map((layer) => layer.length))));
  const readers = readersOf(nodes);
  const rows: { readonly name: string; readonly column: number }[][] = [];
  const columnOf = new Map<string, number>();
  for (const layer of [...layers].reverse()) {
    const wanted = layer.map((node) => ({ node, column: wantedColumn(node, readers, columnOf, columns) }));
    // Stable: equal wishes stay in the order of the pipeline.
    for (const row of rowsOf(
      [...wanted].sort((left, right) => left.column - right.column),
      columns,
    )) {
      for (const { name, column } of row) columnOf.set(name, column);
      rows.unshift(row);
    }
  }
  const cells = new Map(rows.flatMap((row, index) => row.map(({ name, column }) => [name, { row: index, column }])));
  const { edges, lanes } = edgesOf(nodes, cells, columns);
  return { rows: rows.length, columns, cells, edges, lanes };
}

/** Nodes by their distance to the end, the farthest first. */
function layersOf(nodes: readonly LayoutNode[]): readonly (readonly LayoutNode[])[] {
  const distance = new Map<string, number>(nodes.map(({ name }) => [name, 0]));
  for (const { name, inputs } of [...nodes].reverse())
    for (const input of inputs) distance.set(input, Math.max(distance.get(input) ?? 0, (distance.get(name) ?? 0) + 1));
  const depth = Math.max(0, ...distance.values());
  const layers: LayoutNode[][] = Array.from({ length: depth + 1 }, () => []);
  for (const node of nodes) layers[depth - (distance.get(node.name) ?? 0)]?.push(node);
  return layers.filter((layer) => layer.length > 0);
}

interface Reader {
  readonly name: string;
  readonly input: number;
}

function readersOf(nodes: readonly LayoutNode[]): ReadonlyMap<string, readonly Reader[]> {
  const readers = new Map<string, Reader[]>();
  for (const { name, inputs } of nodes)
    inputs.forEach((input, index) => {
      readers.set(input, [...(readers.get(input) ?? []), { name, input: index }]);
    });
  return readers;
}

/** Beside the first that reads it: nodes are listed in topological order, so that one stands nearest. */
function wantedColumn(
  { name }: LayoutNode,
  readers: ReadonlyMap<string, readonly Reader[]>,
  columnOf: ReadonlyMap<string, number>,
  columns: number,
): number {
  const [first] = readers.get(name) ?? [];
  return first === undefined ? 0 : Math.min(columns - 1, (columnOf.get(first.name) ?? 0) + first.input);
}

/** Rows of one layer, the lowest first; each node in the free column that is nearest to the one it wants. */
function rowsOf(
  wanted: readonly { readonly node: LayoutNode; readonly column: number }[],
  columns: number,
): { readonly name: string; readonly column: number }[][] {
  const rows: { readonly name: string; readonly column: number }[][] = [];
  for (let first = 0; first < wanted.length; first += columns) {
    const taken = new Set<number>();
    rows.push(
      wanted.slice(first, first + columns).map(({ node, column }) => {
        const free = Array.from({ length: columns }, (_, index) => index).filter((index) => !taken.has(index));
        const [nearest = 0] = free.sort(
          (left, right) => Math.abs(left - column) - Math.abs(right - column) || right - left,
        );
        taken.add(nearest);
        return { name: node.name, column: nearest };
      }),
    );
  }
  return rows;
}

function edgesOf(
  nodes: readonly LayoutNode[],
  cells: ReadonlyMap<string, Cell>,
  columns: number,
): { readonly edges: readonly Edge[]; readonly lanes: readonly number[] } {
  const taken = new Set([...cells.values()].map(({ row, column }) => `${row} ${column}`));
  /** The last row that each lane of a gutter is used in. */
  const used: number[][] = Array.from({ length: columns + 1 }, () => []);
  const edges: Edge[] = [];
  const wanted = nodes.flatMap(({ name, inputs }) =>
    inputs.flatMap((from, input) => {
      const [start, end] = [cells.get(from), cells.get(name)];
      return start === undefined || end === undefined ? [] : [{ from, to: name, input, start, end }];
    }),
  );
  for (const { start, end, ...edge } of wanted.sort((left, right) => left.start.row - right.start.row)) {
    const between = Array.from({ length: end.row - start.row - 1 }, (_, index) => start.row + 1 + index);
    const isFree = (column: number): boolean => between.every((row) => !taken.has(`${row} ${column}`));
    let way: Way = { by: "next" };
    if (between.length > 0) {
      if (isFree(end.column)) way = { by: "end" };
      else if (isFree(start.column)) way = { by: "start" };
      else way = laneFor(Math.max(start.column, end.column) + (start.column < end.column ? 0 : 1), start, end, used);
    }
    edges.push({ ...edge, way });
  }
  return { edges, lanes: used.map((lanes) => lanes.length) };
}

/** The first lane of the gutter that nobody uses any more. */
function laneFor(gutter: number, start: Cell, end: Cell, used: number[][]): Way {
  const lanes = used[gutter] ?? [];
  const free = lanes.findIndex((until) => until < start.row);
  const lane = free === -1 ? lanes.length : free;
  lanes[lane] = end.row;
  return { by: "gutter", gutter, lane };
}
