import type { ExplainedOperator, Explanation } from "../../explain.js";
import type { OperatorFigures } from "../analysis.js";
import { bytesMade, rowsText, secondsText, timeTaken } from "../figures.js";
import { type Edge, type Layout, layoutOf } from "../layout.js";
import { svg } from "./dom.js";
import { linesOf } from "./lines.js";
import type { Selected, Selection } from "./selection.js";

/** Pixels. A monospaced character of the names is that wide. */
const CHARACTER = 7.25;
const PADDING = 12;
const NAME_LINE = 15;
const TEXT_LINE = 15;
const ROW_GAP = 34;
const GUTTER = 22;
const LANE = 7;
const NARROWEST = { wide: 190, phone: 140 } as const;
const WIDEST = 270;

/** The DAG as a picture as wide as its place, drawn anew when that changes. */
export function drawDag(place: HTMLElement, explanation: Explanation, selection: Selection): void {
  let drawn = 0;
  const draw = (): void => {
    const width = Math.floor(place.clientWidth);
    if (width === drawn || width === 0) return;
    drawn = width;
    place.replaceChildren(pictureOf(explanation, selection, width));
    squeezeLongText(place);
    highlight(place, explanation, selection.selected);
  };
  new ResizeObserver(draw).observe(place);
  draw();
  selection.onChange((selected) => highlight(place, explanation, selected));
}

interface Geometry {
  readonly layout: Layout;
  readonly nodeWidth: number;
  readonly width: number;
  readonly height: number;
  /** Left edge of a column, top and bottom edges of a row. */
  left(column: number): number;
  top(row: number): number;
  bottom(row: number): number;
  /** Where a lane of the gutter left of a column runs. */
  lane(gutter: number, lane: number): number;
}

function pictureOf(explanation: Explanation, selection: Selection, width: number): SVGSVGElement {
  const { operators, leakingViews } = explanation;
  const geometry = geometryOf(operators, width, explanation.analysis !== undefined);
  const leaking = new Set(leakingViews.flatMap((view) => view.operators));
  const { height } = geometry;
  return svg(
    "svg",
    {
      class: "picture",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "group",
      "aria-label": `${operators.length} operators from the sources (above) to the sink (below)`,
    },
    svg("g", { class: "edges" }, ...geometry.layout.edges.map((edge) => edgeOf(edge, geometry))),
    ...operators.map((operator) => nodeOf(operator, geometry, leaking.has(operator.name), explanation, selection)),
  );
}

function geometryOf(operators: readonly ExplainedOperator[], width: number, measured: boolean): Geometry {
  const narrowest = width < 600 ? NARROWEST.phone : NARROWEST.wide;
  const most = Math.max(1, Math.floor((width + GUTTER) / (narrowest + GUTTER)));
  const layout = layoutOf(operators, most);
  // Outer gutters are there only for lanes.
  const gutters = layout.lanes.map(
    (lanes, gutter) => (gutter === 0 || gutter === layout.columns ? 1 : GUTTER) + lanes * LANE,
  );
  const free = width - gutters.reduce((sum, gutter) => sum + gutter, 0);
  const nodeWidth = Math.min(WIDEST, Math.floor(free / layout.columns));
  const rows = rowsOf(operators, layout, nodeWidth, TEXT_LINE * (measured ? 3 : 2));
  const lefts: number[] = [];
  let x = gutters[0] ?? 0;
  for (let column = 0; column < layout.columns; column++) {
    lefts.push(x);
    x += nodeWidth + (gutters[column + 1] ?? 0);
  }
  return {
    layout,
    nodeWidth,
    width,
    height: (rows.at(-1)?.bottom ?? 0) + 2,
    left: (column) => lefts[column] ?? 0,
    top: (row) => rows[row]?.top ?? 0,
    bottom: (row) => rows[row]?.bottom ?? 0,
    lane: (gutter, lane) => {
      const right = gutter < layout.columns ? (lefts[gutter] ?? 0) : x;
      return (
        right -
        (gutters[gutter] ?? 0) +
        (gutter === 0 || gutter === layout.columns ? 0 : GUTTER / 2) +
        (lane + 0.5) * LANE
      );
    },
  };
}

/** A row is as high as its longest name wants it. */
function rowsOf(
  operators: readonly ExplainedOperator[],
  { cells, rows }: Layout,
  nodeWidth: number,
  texts: number,
): readonly { readonly top: number; readonly bottom: number }[] {
  const lines = new Array<number>(rows).fill(1);
  for (const { name } of operators) {
    const row = cells.get(name)?.row ?? 0;
    lines[row] = Math.max(lines[row] ?? 1, linesOf(name, charactersIn(nodeWidth)).length);
  }
  let top = 1;
  return lines.map((count) => {
    const bottom = top + 12 + count * NAME_LINE + texts + 6;
    const row = { top, bottom };
    top = bottom + ROW_GAP;
    return row;
  });
}

function charactersIn(nodeWidth: number): number {
  return Math.floor((nodeWidth - 2 * PADDING) / CHARACTER);
}

function edgeOf({ from, to, input, way }: Edge, geometry: Geometry): SVGElement {
  const { layout, nodeWidth, left, top, bottom, lane } = geometry;
  const [start, end] = [layout.cells.get(from), layout.cells.get(to)];
  if (start === undefined || end === undefined) throw new RangeError(`${from} → ${to} has no place`);
  const middle = nodeWidth / 2;
  const [startX, startY] = [left(start.column) + middle, bottom(start.row)];
  // The first input enters in the middle, the others to its right.
  const [endX, endY] = [left(end.column) + middle + Math.min(input * 0.5, 0.8) * middle, top(end.row) - 1];
  const bend = (x: number, y: number, toX: number, toY: number): string =>
    `C ${x} ${y + (toY - y) * 0.6}, ${toX} ${toY - (toY - y) * 0.6}, ${toX} ${toY}`;
  const down =
    way.by === "start"
      ? startX
      : way.by === "end"
        ? endX
        : way.by === "gutter"
          ? lane(way.gutter, way.lane)
          : undefined;
  const path =
    down === undefined
      ? bend(startX, startY, endX, endY)
      : `${bend(startX, startY, down, startY + ROW_GAP)} L ${down} ${endY - ROW_GAP + 1} ${bend(down, endY - ROW_GAP + 1, endX, endY)}`;
  return svg(
    "g",
    { "data-from": from, "data-to": to, "data-input": input },
    svg("path", { d: `M ${startX} ${startY} ${path}`, class: input === 0 ? "edge" : "edge side" }),
    svg("path", { d: `M ${endX - 4} ${endY - 6} L ${endX} ${endY} L ${endX + 4} ${endY - 6} Z`, class: "tip" }),
  );
}

function nodeOf(
  operator: ExplainedOperator,
  geometry: Geometry,
  leaks: boolean,
  { analysis }: Explanation,
  selection: Selection,
): SVGElement {
  const { name, kind, engine, does, measured } = operator;
  const { layout, nodeWidth: width, left, top, bottom } = geometry;
  const cell = layout.cells.get(name);
  if (cell === undefined) throw new RangeError(`${name} has no place`);
  const height = bottom(cell.row) - top(cell.row);
  const names = linesOf(name, charactersIn(width));
  const line = (text: string, index: number, attributes: Record<string, string | number>): SVGElement =>
    svg("text", { x: PADDING, y: 12 + names.length * NAME_LINE + index * TEXT_LINE + 9, ...attributes }, text);
  const right = { x: width - PADDING, "text-anchor": "end" };
  const node = svg(
    "g",
    {
      transform: `translate(${left(cell.column)} ${top(cell.row)})`,
      class: `node ${engine}${leaks ? " leaks" : ""}`,
      "data-operator": name,
      role: "button",
      tabindex: 0,
      "aria-pressed": "false",
      "aria-label": `${name}, ${kind}, ${engine}`,
    },
    svg("title", {}, `${name}\n${does}`),
    svg("rect", { class: "plate", width, height, rx: 7 }),
    svg("path", {
      class: "stripe",
      d: `M 4 0.5 H 7 V ${height - 0.5} H 4 A 4 7 0 0 1 0.5 ${height - 7} V 7 A 4 7 0 0 1 4 0.5 Z`,
    }),
    ...names.map((text, index) => svg("text", { class: "name", x: PADDING, y: 20 + index * NAME_LINE }, text)),
    line(kind, 0, { class: "kind", "data-fits": leaks ? width - 2 * PADDING - 62 : width - 2 * PADDING }),
    leaks ? line("can leak", 0, { class: "badge", ...right }) : undefined,
    ...(measured === undefined || analysis === undefined
      ? [line(does, 1, { class: "does", "data-fits": width - 2 * PADDING })]
      : [
          line(`${rowsText(measured.rows)} ${measured.rows === 1 ? "row" : "rows"}`, 1, {
            class: "figure",
            "data-figure": "rows",
          }),
          measured.dropped === undefined
            ? undefined
            : line(`−${rowsText(measured.dropped)}`, 1, {
                class: "figure dropped",
                "data-figure": "dropped",
                ...right,
              }),
          ...(hasOwnTime(measured)
            ? [
                line(bytesMade(measured), 2, { class: "figure", "data-figure": "bytes" }),
                line(`${secondsText(measured.seconds)}${measured.countedIn.length === 0 ? "" : " +"}`, 2, {
                  class: "figure",
                  "data-figure": "seconds",
                  ...right,
                }),
              ]
            : [line(timeTaken(measured), 2, { "data-figure": "seconds", "data-fits": width - 2 * PADDING })]),
          share(measured.seconds / analysis.seconds, width, height),
        ]),
    line("", 0, { class: "read", "data-fits": width - 2 * PADDING }),
  );
  const choose = (): void => {
    selection.toggle({ kind: "operator", name });
    showAboveDetails(node);
  };
  node.addEventListener("click", choose);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
  return node;
}

/** An operator without statements of its own has no bytes either: others do its work. */
function hasOwnTime({ seconds, bytes, countedIn }: OperatorFigures): boolean {
  return seconds > 0 || bytes !== undefined || countedIn.length === 0;
}

/** On a narrow screen the details come up from below: the node that they are about stays in sight. */
function showAboveDetails(node: SVGElement): void {
  const details = document.querySelector("#details.open");
  if (details === null || getComputedStyle(details).position !== "fixed") return;
  const { top, bottom } = node.getBoundingClientRect();
  if (bottom > details.getBoundingClientRect().top || top < 0) window.scrollBy({ top: top - 60 });
}

/** A bar as long as the operator's part of the time. */
function share(part: number, width: number, height: number): SVGElement | undefined {
  if (!(part > 0.005)) return undefined;
  return svg("rect", {
    class: "share",
    x: 7,
    y: height - 4,
    width: Math.max(1, (width - 14) * part),
    height: 3,
    rx: 1.5,
  });
}

/** Text that is wider than its room (wide characters, long figures) is squeezed or cut, so that nothing leaves its node. */
function squeezeLongText(place: HTMLElement): void {
  for (const text of place.querySelectorAll<SVGTextElement>("[data-fits]")) cut(text);
  for (const text of place.querySelectorAll<SVGTextElement>(".node .name")) {
    const plate = text.parentElement?.querySelector<SVGRectElement>(".plate");
    const room = (plate?.width.baseVal.value ?? 0) - 2 * PADDING;
    if (text.getComputedTextLength() <= room) continue;
    text.setAttribute("textLength", String(room));
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

function cut(text: SVGTextElement): void {
  const room = Number(text.dataset["fits"]);
  let said = text.textContent ?? "";
  if (said === "" || text.getComputedTextLength() <= room) return;
  // One step by the mean width, then character by character.
  said = said.slice(0, Math.ceil((said.length * room) / text.getComputedTextLength()));
  do {
    said = said.slice(0, -1);
    text.textContent = `${said.trimEnd()}…`;
  } while (said !== "" && text.getComputedTextLength() > room);
}

/** A column's operators and the source columns in its scans; or an operator and what it reads. */
function highlight(place: HTMLElement, explanation: Explanation, selected: Selected): void {
  const column =
    selected?.kind === "column" ? explanation.columns.find(({ name }) => name === selected.name) : undefined;
  const lit = new Set(column?.operators ?? (selected?.kind === "operator" ? [selected.name] : []));
  const carriers = column === undefined ? new Set<string>() : carriersBetween(lit, explanation);
  place.classList.toggle("dimmed", column !== undefined);
  for (const node of place.querySelectorAll<SVGElement>("[data-operator]")) {
    const name = node.dataset["operator"] ?? "";
    node.classList.toggle("lit", lit.has(name));
    node.classList.toggle("carries", carriers.has(name));
    node.setAttribute("aria-pressed", String(selected?.kind === "operator" && selected.name === name));
    showRead(node, lit.has(name) ? sourcesIn(name, explanation, column?.sources ?? []) : []);
  }
  const goesThrough = (name: string): boolean => lit.has(name) || carriers.has(name);
  for (const edge of place.querySelectorAll<SVGElement>("[data-from]")) {
    const [from, to] = [edge.dataset["from"] ?? "", edge.dataset["to"] ?? ""];
    const onTheWay = lit.has(from) && lit.has(to);
    edge.classList.toggle("lit", column === undefined ? lit.has(from) || lit.has(to) : onTheWay);
    edge.classList.toggle("carries", !onTheWay && isRow(edge) && goesThrough(from) && goesThrough(to));
  }
}

function isRow(edge: SVGElement): boolean {
  return edge.dataset["input"] === "0";
}

/** Operators that the value passes untouched: rows (first inputs) lead to them from a lit one, and from them to another. */
function carriersBetween(lit: ReadonlySet<string>, { operators }: Explanation): ReadonlySet<string> {
  const after = new Set(lit);
  for (const { name, inputs } of operators) if (after.has(inputs[0] ?? "")) after.add(name);
  const before = new Set(lit);
  for (const { name, inputs } of [...operators].reverse()) if (before.has(name)) before.add(inputs[0] ?? "");
  return new Set([...after].filter((name) => before.has(name) && !lit.has(name)));
}

/** In the place of the kind: which columns of the source the value comes from. */
function showRead(node: SVGElement, columns: readonly string[]): void {
  const read = node.querySelector<SVGTextElement>(".read");
  if (read === null) return;
  read.textContent = columns.join(", ");
  node.classList.toggle("reads", columns.length > 0);
  cut(read);
}

function sourcesIn(operator: string, { operators }: Explanation, sources: readonly string[]): readonly string[] {
  const fields = operators.find(({ name }) => name === operator)?.fields;
  const view = fields?.["view"];
  if (typeof view !== "string") return [];
  return sources.filter((source) => source.startsWith(`${view}.`)).map((source) => source.slice(view.length + 1));
}
