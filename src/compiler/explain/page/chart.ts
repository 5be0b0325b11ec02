import { html, svg } from "./dom.js";

type Figures = readonly (number | null)[];

/** An area between two figures a day, and a line in it. */
export interface Band {
  readonly low: Figures;
  readonly high: Figures;
  readonly line?: Figures;
}

const WIDTH = 132;
const HEIGHT = 30;

/** A small chart of one figure over the days with what it says beside it. `limits`: the axis; the figures' own if absent. */
export function chart(
  name: string,
  bands: readonly Band[],
  days: readonly { readonly day: string }[],
  told: string,
  limits?: readonly [number, number],
): HTMLElement {
  const figures = bands.flatMap(({ low, high }) => [...low, ...high]).filter((value) => value !== null);
  const least = limits?.[0] ?? Math.min(...figures);
  const most = limits?.[1] ?? Math.max(...figures);
  // A band that is flat lies in the middle, unless it stands on the ground of zero.
  const height = (value: number): number =>
    most === least ? (most === 0 ? 0 : 0.5) : (value - least) / (most - least);
  const x = (index: number): number => (days.length === 1 ? WIDTH / 2 : 2 + (index * (WIDTH - 4)) / (days.length - 1));
  const y = (value: number): number => HEIGHT - 2 - height(value) * (HEIGHT - 4);
  return html(
    "figure",
    { "data-chart": name },
    bands.length === 0
      ? html("div", { class: "nochart" })
      : svg(
          "svg",
          {
            viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
            width: WIDTH,
            height: HEIGHT,
            role: "img",
            "aria-label": `${name}: ${told}`,
          },
          svg("title", {}, `${name} over ${days.length} ${days.length === 1 ? "day" : "days"}`),
          svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
          ...bands.flatMap((band) => drawn(band, x, y)),
        ),
    html("figcaption", {}, told),
  );
}

/** Runs of days that have figures; a day between days without is a bar. */
function drawn({ low, high, line }: Band, x: (index: number) => number, y: (value: number) => number): SVGElement[] {
  const runs: number[][] = [];
  high.forEach((value, index) => {
    if (value === null || low[index] === null) return;
    const run = runs.at(-1);
    if (run?.at(-1) === index - 1) run.push(index);
    else runs.push([index]);
  });
  return runs.flatMap((run): SVGElement[] => {
    const points = (figures: Figures): string[] => run.map((index) => `${x(index)},${y(figures[index] ?? 0)}`);
    const [first = 0] = run;
    if (run.length === 1) {
      const [top, bottom] = [y(high[first] ?? 0), y(low[first] ?? 0)];
      return [svg("rect", { class: "bar", x: x(first) - 2, y: top - 1, width: 4, height: bottom - top + 2 })];
    }
    return [
      svg("polygon", { class: "band", points: [...points(high), ...points(low).reverse()].join(" ") }),
      svg("polyline", { class: "line", points: points(high).join(" ") }),
      line === undefined ? undefined : svg("polyline", { class: "mean", points: points(line).join(" ") }),
    ].filter((element) => element !== undefined);
  });
}
