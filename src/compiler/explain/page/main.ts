// The page's program: draws the explanation that lies in the page as JSON.
import type { Explanation } from "../../explain.js";
import { drawCausality } from "./causality.js";
import { drawColumns } from "./columns.js";
import { drawDag } from "./dag.js";
import { drawDetails } from "./details.js";
import { drawDistributions } from "./distributions.js";
import { place } from "./dom.js";
import { drawHead } from "./head.js";
import { Selection } from "./selection.js";

const explanation = JSON.parse(withWideIntegersAsText(place("explanation").textContent ?? "")) as Explanation;
const selection = new Selection();

/** Integers of 64 bits (ids in literals) would lose digits as JavaScript's numbers; here they are only shown. */
function withWideIntegersAsText(json: string): string {
  return json.replace(
    /("(?:[^"\\]|\\.)*")|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g,
    (token, text: string | undefined) => text ?? `"${token}"`,
  );
}

document.title = `${explanation.service} · Daedalus`;
drawHead(place("head"), explanation);
drawDag(place("dag"), explanation, selection);
drawColumns(place("columns"), explanation, selection);
drawCausality(place("causality"), explanation, selection);
drawDistributions(place("distributions"), explanation, selection);
drawDetails(place("details"), explanation, selection);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") selection.select(undefined);
});
