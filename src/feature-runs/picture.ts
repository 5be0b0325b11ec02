/** What there is to draw of a feature; times are microseconds since 1970. */
export interface FeaturePicture {
  readonly name: string;
  readonly run: string;
  readonly formula: string;
  readonly rows: number;
  readonly nulls: number;
  readonly nans: number;
  readonly infinities: number;
  readonly symbols: number;
  readonly first: number;
  readonly last: number;
  /** Of the finite values; NaN if there are none. */
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  readonly deviation: number;
  /** 1 %, 25 %, 50 %, 75 %, 99 %. */
  readonly quantiles: readonly number[];
  /** By symbol: what its values are in pieces of time. */
  readonly lines: readonly {
    readonly symbol: string;
    readonly points: readonly {
      readonly time: number;
      readonly least: number;
      readonly mean: number;
      readonly most: number;
    }[];
  }[];
  /** How many values lie in each of the equal steps from the least to the greatest. */
  readonly bars: readonly number[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [960, 320, 84, 28, 12];
const COLOURS = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2"];

/** What pages begin with. */
export const PAGE_BEGIN = "<!doctype html>";

/** One page with everything in it: nothing is fetched, and no program runs. */
export function picturePage(picture: FeaturePicture): string {
  const { name, run, formula, symbols, lines } = picture;
  const legend = lines.length < 2 && symbols < 2 ? "" : legendOf(picture);
  return `${PAGE_BEGIN}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(name)}</title>
<style>
:root { color-scheme: light dark; --ink: #1f2937; --soft: #6b7280; --rule: #d1d5db; --paper: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --rule: #374151; --paper: #111827; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 1.5rem 0 0.3rem; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; } text { font-size: 12px; fill: var(--soft); }
.rule { stroke: var(--rule); } table { border-collapse: collapse; } th, td { text-align: left; padding: 0.15rem 1.2rem 0.15rem 0; font-weight: normal; }
td { font-variant-numeric: tabular-nums; } th { color: var(--soft); } .key { display: inline-block; margin-right: 1rem; }
</style>
</head>
<body>
<h1>${escaped(name)}</h1>
<p>of the run ${escaped(run)}: <code>${escaped(formula)}</code></p>
<h2>Over time</h2>
${legend}${overTime(picture)}
<h2>Distribution of the finite values</h2>
${distribution(picture)}
<h2>Figures</h2>
${figures(picture)}
</body>
</html>
`;
}

function legendOf({ lines, symbols }: FeaturePicture): string {
  const keys = lines.map(
    ({ symbol }, place) => `<span class="key"><span style="color:${COLOURS[place]}">■</span> ${escaped(symbol)}</span>`,
  );
  const others = symbols > lines.length ? `<span>and ${symbols - lines.length} more symbols</span>` : "";
  return `<p>${keys.join("")}${others}</p>\n`;
}

function overTime({ name, lines, first, last, least, most }: FeaturePicture): string {
  if (!Number.isFinite(least)) return "<p>There is no finite value.</p>";
  const x = scale(first, last, LEFT, WIDTH - 8);
  const y = scale(least, most, HEIGHT - BOTTOM, TOP);
  const drawn = lines.map(({ points }, place) => {
    const colour = COLOURS[place] ?? "";
    const up = points.map(({ time, most: value }) => `${x(time)},${y(value)}`);
    const down = points.map(({ time, least: value }) => `${x(time)},${y(value)}`).reverse();
    const mean = points.map(({ time, mean: value }) => `${x(time)},${y(value)}`);
    return `<polygon points="${[...up, ...down].join(" ")}" fill="${colour}" stroke="${colour}" stroke-width="0.7" opacity="0.35"/><polyline points="${mean.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.2"/>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((part) => first + part * (last - first));
  const labels = times.map(
    (time, place) =>
      `<text x="${x(time)}" y="${HEIGHT - 8}" text-anchor="${place === 4 ? "end" : place === 0 ? "start" : "middle"}">${shortTime(time, last - first)}</text>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(name)} over time: band from least to greatest, line of means">${grid(least, most, y)}${drawn.join("")}${labels.join("")}</svg>`;
}

function distribution({ name, bars, least, most }: FeaturePicture): string {
  if (!Number.isFinite(least)) return "<p>There is no finite value.</p>";
  const highest = Math.max(...bars);
  const y = scale(0, highest, HEIGHT - BOTTOM, TOP);
  const step = (WIDTH - 8 - LEFT) / bars.length;
  const drawn = bars.map((count, place) => {
    const from = least + (place * (most - least)) / bars.length;
    const top = y(count);
    return `<rect x="${round(LEFT + place * step)}" y="${top}" width="${round(step - 1)}" height="${round(HEIGHT - BOTTOM - top)}" fill="${COLOURS[0]}"><title>from ${short(from)}: ${count.toLocaleString("en-US")} rows</title></rect>`;
  });
  const labels = [0, 0.25, 0.5, 0.75, 1].map(
    (part, place) =>
      `<text x="${round(LEFT + part * (WIDTH - 8 - LEFT))}" y="${HEIGHT - 8}" text-anchor="${place === 4 ? "end" : place === 0 ? "start" : "middle"}">${short(least + part * (most - least))}</text>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="distribution of ${escaped(name)}">${grid(0, highest, y)}${drawn.join("")}${labels.join("")}</svg>`;
}

function grid(least: number, most: number, y: (value: number) => number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((part) => {
      const value = least + part * (most - least);
      return `<line class="rule" x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`;
    })
    .join("");
}

function figures(picture: FeaturePicture): string {
  const { rows, nulls, nans, infinities, least, most, mean, deviation, quantiles, first, last } = picture;
  const told: readonly (readonly [string, string])[] = [
    ["rows", rows.toLocaleString("en-US")],
    ["NULL", nulls.toLocaleString("en-US")],
    ["NaN", nans.toLocaleString("en-US")],
    ["infinite", infinities.toLocaleString("en-US")],
    ["from", isoTime(first)],
    ["to", isoTime(last)],
    ["least", short(least)],
    ["greatest", short(most)],
    ["mean", short(mean)],
    ["standard deviation", short(deviation)],
    ...["1 %", "25 %", "median", "75 %", "99 %"].map(
      (label, place) => [label, short(quantiles[place] ?? Number.NaN)] as const,
    ),
  ];
  return `<table>${told.map(([label, value]) => `<tr><th scope="row">${label}</th><td>${value}</td></tr>`).join("")}</table>`;
}

/** A value between two ends as a place between two others; one value alone lies in the middle. */
function scale(from: number, to: number, low: number, high: number): (value: number) => number {
  return (value) => round(to > from ? low + ((value - from) / (to - from)) * (high - low) : (low + high) / 2);
}

const round = (value: number): number => Math.round(value * 100) / 100;
const short = (value: number): string => (Number.isNaN(value) ? "–" : Number(value.toPrecision(5)).toString());

/** Beyond the year 275760 JavaScript has no dates: then the microseconds themselves. */
function isoTime(micros: number): string {
  const date = new Date(micros / 1000);
  return Number.isNaN(date.getTime()) ? `${micros} µs` : date.toISOString().replace(/\.\d+Z$/, "Z");
}

function shortTime(micros: number, span: number): string {
  const iso = isoTime(micros);
  if (!iso.endsWith("Z")) return iso;
  return span < 3 * 86_400e6 ? iso.slice(5, 16).replace("T", " ") : iso.slice(0, 10);
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
