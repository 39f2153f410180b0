/** @import { Layer, LayerName } from "./types" */

import { isDark, tone } from "./theme.js";

// Scales that keep their order for colour-blind readers and in grey: magma for amounts, blue to
// orange for differences. A layer's steps are the same in every week, so that weeks compare. In the
// dark the least is the darkest, so that much stands out there too.
const MAGMA = ["#fdf3d5", "#fddcae", "#febf84", "#fc9a6a", "#f1685e", "#d3436e", "#a5317e", "#762181", "#47156f", "#1d1147"];
const AMOUNTS = { light: MAGMA, dark: MAGMA.toReversed() };
const COUNTS = { light: ["#f3f1ea", "#febf84", "#f1685e", "#a5317e", "#5f187f", "#1d1147"], dark: ["#26242b", "#5f187f", "#a5317e", "#f1685e", "#febf84", "#fdf3d5"] };
const CHANGES = {
  light: ["#1f5a99", "#4f8fc6", "#9cc4e4", "#f1efe9", "#f6c08a", "#dd8033", "#a04d0c"],
  dark: ["#b5d8f3", "#5b9bd3", "#2b5f94", "#2b2a2e", "#8a4a15", "#dd8033", "#f9d2a8"],
};
const RATES = [0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3];
// Over streets cells are see-through, and the legend shows their colours as over a map in grey.
export const OPACITY = 0.65, STREETS = "var(--streets)";

/** @param {string} colour */
export const overStreets = (colour) => `color-mix(in srgb, ${colour} ${100 * OPACITY}%, ${STREETS})`;

// What isn't known: lines across, no colour of a scale.
const HATCH_PX = 6;

/** @returns {CanvasPattern} */
export function hatch() {
  const tile = document.createElement("canvas"), size = HATCH_PX;
  tile.width = tile.height = size;
  const ctx = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  ctx.fillStyle = tone("--hatch-ground");
  ctx.fillRect(0, 0, size, size);
  ctx.strokeStyle = tone("--hatch-line");
  ctx.lineWidth = 1.2;
  for (const at of [-size, 0, size]) {
    ctx.moveTo(at, size);
    ctx.lineTo(at + size, 0);
  }
  ctx.stroke();
  return /** @type {CanvasPattern} */ (ctx.createPattern(tile, "repeat"));
}

/** @param {number} value @param {number[]} steps */
const place = (value, steps) => steps.findIndex((step) => value < step);

/** @param {number[]} steps @param {{ light: string[], dark: string[] }} colours @param {string[]} labels */
function scale(steps, colours, labels) {
  const now = () => (isDark() ? colours.dark : colours.light);
  return {
    /** @param {number} value */
    colour: (value) => now()[place(value, steps) < 0 ? steps.length : place(value, steps)],
    steps: () => now().map((colour, k) => ({ colour, label: labels[k] })),
  };
}

/** @param {number[]} steps @param {string} unit */
const between = (steps, unit) => [`< ${steps[0]}`, ...steps.slice(1).map((to, k) => `${steps[k]}–${to}`), `≥ ${steps.at(-1)}${unit}`];
/** @param {number[]} steps */
const changes = (steps) => ["", ...steps].map((from, k) => k === 0 ? `< ${steps[0]}` : k === steps.length ? `≥ ${steps.at(-1)}` : `${from} to ${steps[k]}`);
const BIG = [-2, -1, -0.3, 0.3, 1, 2], SMALL = [-0.5, -0.2, -0.05, 0.05, 0.2, 0.5];

/** @type {Record<LayerName, Layer>} */
export const LAYERS = {
  forecast: { name: "Forecast", unit: "reports expected per cell in the week", ...scale(RATES, AMOUNTS, between(RATES, "")) },
  outcome: { name: "Outcome", unit: "reports counted per cell in the week",
    ...scale([0.5, 1.5, 2.5, 3.5, 4.5], COUNTS, ["0", "1", "2", "3", "4", "5 +"]) },
  difference: { name: "Difference", unit: "reports counted minus expected", ...scale(BIG, CHANGES, changes(BIG)) },
  long_run: { name: "Long-run average", unit: "mean weekly reports of all known weeks", ...scale(RATES, AMOUNTS, between(RATES, "")) },
  change: { name: "Change", unit: "reports expected, minus those expected the week before",
    ...scale(SMALL, CHANGES, changes(SMALL)) },
};
