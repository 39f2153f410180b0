/** @import { ReliabilityBin, TotalOutcome, CellWeek } from "./types" */
/** @typedef {(number | null)[]} Values */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { tone } from "./theme.js";
import { inHabit } from "./words.js";

const FONT = "12px system-ui, sans-serif";
const axis = () => {
  const lines = { stroke: tone("--grid"), width: 1 };
  return { stroke: tone("--ink"), grid: lines, ticks: lines, font: FONT };
};
/** @type {WeakMap<HTMLElement, () => void>} */
const drawn = new WeakMap();

/**
 * Draw into a figure, as wide as it is, again whenever that changes; `says` tells it in words.
 * @param {HTMLElement} figure
 * @param {Omit<uPlot.Options, "width" | "height">} options
 * @param {uPlot.AlignedData} data
 * @param {number} height
 * @param {string} says
 */
function chart(figure, options, data, height, says) {
  drawn.get(figure)?.();
  figure.replaceChildren();
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", inHabit(says));
  const plot = new uPlot({ ...options, width: Math.max(figure.clientWidth, 200), height, cursor: { drag: { x: false, y: false }, ...options.cursor } }, data, figure);
  const watch = new ResizeObserver(() => figure.clientWidth && plot.setSize({ width: figure.clientWidth, height }));
  watch.observe(figure);
  drawn.set(figure, () => { watch.disconnect(); plot.destroy(); });
}

/** @param {string} colour */
const points = (colour, size = 6) => ({ show: true, size, fill: colour, stroke: colour });

/**
 * One cell's year: bars of counted reports, the line of what had been forecast.
 * @param {HTMLElement} figure
 * @param {(CellWeek & { at: number })[]} weeks
 * @param {string} says
 */
export function sparkLine(figure, weeks, says) {
  chart(figure, {
    legend: { show: false }, cursor: { show: false }, padding: [6, 6, 0, 0],
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.1] } },
    axes: [{ ...axis(), grid: { show: false }, size: 26, space: 70 }, { ...axis(), size: 30, space: 24, incrs: [1, 2, 5, 10, 20] }],
    series: [{}, { label: "counted", fill: tone("--bars"), stroke: tone("--bars"), paths: uPlot.paths.bars?.({ size: [0.75] }), points: { show: false } },
      { label: "forecast", stroke: tone("--purple"), width: 2, points: { show: false } }],
  }, [weeks.map((w) => w.at), weeks.map((w) => w.reports), weeks.map((w) => w.mean)], 110, says);
}

/** @param {TotalOutcome} week */
export const isOut = ({ observed, q10, q90 }) => observed != null && (observed < q10 || observed > q90);

/**
 * The city's totals: band of 80 %, forecast, and what was counted, within the band or not.
 * @param {HTMLElement} figure
 * @param {(TotalOutcome & { at: number })[]} weeks
 * @param {string} says
 */
export function totals(figure, weeks, says) {
  chart(figure, {
    bands: [{ series: [1, 2], fill: tone("--purple-band") }],
    legend: { show: false }, scales: { y: { range: (_, low, high) => [0, 1.08 * high] } },
    axes: [axis(), { ...axis(), size: 46 }],
    series: [{},
      { label: "80 % to", stroke: "transparent", points: { show: false } }, { label: "80 % from", stroke: "transparent", points: { show: false } },
      { label: "forecast", stroke: tone("--purple"), width: 2, points: { show: false } },
      { label: "counted, inside", paths: () => null, points: points(tone("--blue")) },
      { label: "counted, outside", paths: () => null, points: points(tone("--orange"), 9) }],
  }, [weeks.map((w) => w.at), weeks.map((w) => w.q90), weeks.map((w) => w.q10), weeks.map((w) => w.mean),
    weeks.map((w) => (isOut(w) ? null : w.observed)), weeks.map((w) => (isOut(w) ? w.observed : null))], 280, says);
}

/**
 * Skill over time: each week's as points, the last weeks' together as a line in its interval.
 * @param {HTMLElement} figure
 * @param {{ at: number[], weekly: Values, recent: Values, low: Values, high: Values }} lines
 * @param {string} says
 */
export function skill(figure, { at, weekly, recent, low, high }, says) {
  chart(figure, {
    bands: [{ series: [1, 2], fill: tone("--blue-band") }],
    axes: [axis(), { ...axis(), size: 56, values: (_, ticks) => ticks.map((v) => inHabit(`${+(100 * v).toFixed(2)} %`)) }],
    legend: { show: false }, hooks: { draw: [zeroLine] },
    scales: { y: { range: (_, least, most) => spread(Math.min(least, 0), Math.max(most, 0)) } },
    series: [{},
      { label: "95 % to", stroke: "transparent", points: { show: false } }, { label: "95 % from", stroke: "transparent", points: { show: false } },
      { label: "each week", paths: () => null, points: points(tone("--grey"), 6) },
      { label: "the 26 weeks up to it", stroke: tone("--blue"), width: 2.5, points: { show: false } }],
  }, [at, high, low, weekly, recent], 260, says);
}

/**
 * Chance given to cells against how often it came true; a perfect forecast lies on the diagonal.
 * @param {HTMLElement} figure
 * @param {ReliabilityBin[]} bins
 * @param {string} says
 */
export function reliability(figure, bins, says) {
  chart(figure, {
    scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
    axes: [{ ...axis(), label: "chance given", labelSize: 20, labelFont: FONT, values: (_, t) => t.map((v) => inHabit(`${Math.round(100 * v)} %`)) },
      { ...axis(), size: 52, label: "came true", labelSize: 20, labelFont: FONT, values: (_, t) => t.map((v) => inHabit(`${Math.round(100 * v)} %`)) }],
    hooks: { draw: [diagonal] }, legend: { show: false },
    series: [{}, { label: "came true", stroke: tone("--blue"), width: 2, points: points(tone("--blue"), 8) }],
  }, [bins.map((b) => b.chance), bins.map((b) => b.share)], 300, says);
}

/** @param {number} low @param {number} high @returns {[number, number]} */
const spread = (low, high) => [low - 0.08 * (high - low), high + 0.08 * (high - low)];

/** @param {uPlot} plot @param {[number, number]} from @param {[number, number]} to */
function line(plot, from, to) {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = tone("--ink");
  ctx.setLineDash([5, 4]);
  ctx.beginPath();
  ctx.moveTo(plot.valToPos(from[0], "x", true), plot.valToPos(from[1], "y", true));
  ctx.lineTo(plot.valToPos(to[0], "x", true), plot.valToPos(to[1], "y", true));
  ctx.stroke();
  ctx.restore();
}
/** @param {uPlot} plot */
const diagonal = (plot) => line(plot, [0, 0], [1, 1]);
/** @param {uPlot} plot */
const zeroLine = (plot) => line(plot, [plot.scales.x.min ?? 0, 0], [plot.scales.x.max ?? 0, 0]);
