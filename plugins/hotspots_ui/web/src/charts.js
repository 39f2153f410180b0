/** @import { Band, ReliabilityBin, TotalOutcome, CellWeek } from "./types" */
/** @typedef {(number | null)[]} Values */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { tone } from "./theme.js";
import { showReadout } from "./readout.js";
import { between, days, inHabit, make, number, percent, whole } from "./words.js";

const FONT = "12px system-ui, sans-serif";
const axis = () => {
  const lines = { stroke: tone("--grid"), width: 1 };
  return { stroke: tone("--ink"), grid: lines, ticks: lines, font: FONT };
};
/** @type {WeakMap<HTMLElement, () => void>} */
const drawn = new WeakMap();

/**
 * Draw into a figure, as wide as it is, again whenever that changes; `says` tells it in words, and
 * `figuresAt` a point's figures, for those who point at it, tap it or come to it by keys. To a
 * screen reader the figure is a slider whose value is the point's figures.
 * @param {HTMLElement} figure
 * @param {Omit<uPlot.Options, "width" | "height">} options
 * @param {uPlot.AlignedData} data
 * @param {number} height
 * @param {string} says
 * @param {(k: number) => string[]} figuresAt
 */
function chart(figure, options, data, height, says, figuresAt) {
  drawn.get(figure)?.();
  const box = make("div", { class: "readout", hidden: true, "aria-hidden": "true" }), at = data[0], stop = new AbortController();
  let chosen = at.length - 1;
  figure.replaceChildren();
  const tell = (/** @type {number} */ k) => {
    chosen = k;
    figure.setAttribute("aria-valuenow", String(k + 1));
    figure.setAttribute("aria-valuetext", inHabit(figuresAt(k).join(". ")));
  };
  const plot = new uPlot({ ...options, width: Math.max(figure.clientWidth, 200), height,
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    hooks: { ...options.hooks, setCursor: [(/** @type {uPlot} */ { cursor: { idx, left = 0, top = 0 }, over }) => {
      box.hidden = idx == null;
      if (idx == null) return;
      tell(idx);
      showReadout(box, figuresAt(idx), { x: over.offsetLeft + left, y: over.offsetTop + top });
    }] } }, data, figure);
  const hide = () => plot.setCursor({ left: -10, top: -10 });
  figure.append(box);
  for (const [name, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": inHabit(says), "aria-valuemin": 1, "aria-valuemax": at.length })) figure.setAttribute(name, String(value));
  if (at.length) tell(chosen);
  figure.addEventListener("blur", hide, { signal: stop.signal });
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const to = { ArrowLeft: chosen - 1, ArrowDown: chosen - 1, ArrowRight: chosen + 1, ArrowUp: chosen + 1, Home: 0, End: at.length - 1 }[event.key];
    if (to === undefined || !at.length) return;
    event.preventDefault();
    const k = Math.min(Math.max(to, 0), at.length - 1);
    plot.setCursor({ left: plot.valToPos(at[k], "x"), top: plot.over.clientHeight / 4 });
  }, { signal: stop.signal });
  const watch = new ResizeObserver(() => figure.clientWidth && plot.setSize({ width: figure.clientWidth, height }));
  watch.observe(figure);
  drawn.set(figure, () => { watch.disconnect(); stop.abort(); plot.destroy(); });
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
    legend: { show: false }, padding: [6, 6, 0, 0],
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.1] } },
    axes: [{ ...axis(), grid: { show: false }, size: 26, space: 70 }, { ...axis(), size: 30, space: 24, incrs: [1, 2, 5, 10, 20] }],
    series: [{}, { label: "counted", fill: tone("--bars"), stroke: tone("--bars"), paths: uPlot.paths.bars?.({ size: [0.75] }), points: { show: false } },
      { label: "forecast", stroke: tone("--purple"), width: 2, points: { show: false } }],
  }, [weeks.map((w) => w.at), weeks.map((w) => w.reports), weeks.map((w) => w.mean)], 110, says, (k) => [
    days(weeks[k].week_start), counted(weeks[k].reports), weeks[k].mean == null ? "No forecast" : `${number(weeks[k].mean)} reports expected`,
    ...(weeks[k].q10 == null || weeks[k].q90 == null ? [] : [`80 % between ${weeks[k].q10} and ${weeks[k].q90}`]),
  ]);
}

/** @param {number | null} reports */
const counted = (reports) => (reports == null ? "Not known yet" : `Counted: ${whole(reports)}`);

/** @type {Record<Band, (week: TotalOutcome) => [number, number]>} */
const ENDS = { 50: (w) => [w.q25, w.q75], 80: (w) => [w.q10, w.q90], 95: (w) => [w.q025, w.q975] };

/** @param {TotalOutcome} week @param {Band} band */
export function isOut(week, band) {
  const [low, high] = ENDS[band](week);
  return week.observed != null && (week.observed < low || week.observed > high);
}

/**
 * The city's totals: band, forecast, and what was counted, within the band or not.
 * @param {HTMLElement} figure
 * @param {(TotalOutcome & { at: number })[]} weeks
 * @param {Band} band
 * @param {string} says
 */
export function totals(figure, weeks, band, says) {
  const ends = weeks.map(ENDS[band]);
  chart(figure, {
    bands: [{ series: [1, 2], fill: tone("--purple-band") }],
    legend: { show: false }, scales: { y: { range: (_, low, high) => [0, 1.08 * high] } },
    axes: [axis(), { ...axis(), size: 46 }],
    series: [{},
      { label: `${band} % to`, stroke: "transparent", points: { show: false } }, { label: `${band} % from`, stroke: "transparent", points: { show: false } },
      { label: "forecast", stroke: tone("--purple"), width: 2, points: { show: false } },
      { label: "counted, inside", paths: () => null, points: points(tone("--blue")) },
      { label: "counted, outside", paths: () => null, points: points(tone("--orange"), 9) }],
  }, [weeks.map((w) => w.at), ends.map(([, high]) => high), ends.map(([low]) => low), weeks.map((w) => w.mean),
    weeks.map((w) => (isOut(w, band) ? null : w.observed)), weeks.map((w) => (isOut(w, band) ? w.observed : null))], 280, says, (k) => {
    const [q10, q90] = ends[k], w = weeks[k];
    return [days(w.week), `${whole(w.mean)} reports expected`, `${band} % between ${between({ q10, q90 })}`,
      counted(w.observed) + (w.observed == null ? "" : isOut(w, band) ? ", outside the band" : ", inside the band")];
  });
}

/**
 * Skill over time: each week's as points, the last weeks' together as a line in its interval.
 * @param {HTMLElement} figure
 * @param {{ weeks: string[], at: number[], weekly: Values, recent: Values, low: Values, high: Values }} lines
 * @param {string} says
 */
export function skill(figure, { weeks, at, weekly, recent, low, high }, says) {
  chart(figure, {
    bands: [{ series: [1, 2], fill: tone("--blue-band") }],
    axes: [axis(), { ...axis(), size: 56, values: (_, ticks) => ticks.map((v) => inHabit(`${+(100 * v).toFixed(2)} %`)) }],
    legend: { show: false }, hooks: { draw: [zeroLine] },
    scales: { y: { range: (_, least, most) => spread(Math.min(least, 0), Math.max(most, 0)) } },
    series: [{},
      { label: "95 % to", stroke: "transparent", points: { show: false } }, { label: "95 % from", stroke: "transparent", points: { show: false } },
      { label: "each week", paths: () => null, points: points(tone("--grey"), 6) },
      { label: "the 26 weeks up to it", stroke: tone("--blue"), width: 2.5, points: { show: false } }],
  }, [at, high, low, weekly, recent], 260, says, (k) => [
    days(weeks[k]), `This week: ${percent(weekly[k], 1)}`,
    ...(recent[k] == null ? [] : [`The 26 weeks up to it: ${percent(recent[k], 1)}`, `95 % interval ${percent(low[k], 1)} to ${percent(high[k], 1)}`]),
  ]);
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
  }, [bins.map((b) => b.chance), bins.map((b) => b.share)], 300, says, (k) => [
    `Chance given: ${percent(bins[k].chance, 1)}`, `Came true: ${percent(bins[k].share, 1)}`, `${whole(bins[k].cells)} forecasts`,
  ]);
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
