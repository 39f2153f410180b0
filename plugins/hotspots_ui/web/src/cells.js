/** @import { Cell, Value, WeekForecast, WeekOutcome } from "./types" */

// All cells in a table, sorted and filtered; of its rows only those in sight are in the document.
import { byId, make, number, whole } from "./words.js";

const ROW_PX = 30, SPARE = 6; // as in style.css; rows beyond those in sight, above and below
/** @typedef {{ forecast: WeekForecast, outcome: WeekOutcome | null, chosen: Cell | null, choose: (cell: Cell) => void }} Given */
/** @typedef {{ head: string, of: (k: number, given: Given) => Value | string, text: (k: number, given: Given) => string | HTMLElement, isNumber?: boolean, isBestLow?: boolean }} Column */

const key = (/** @type {number} */ k, /** @type {Given} */ { forecast: { cells } }) => `${cells.row[k]},${cells.col[k]}`;
/** @type {Column[]} */
const COLUMNS = [
  { head: "Rank", isNumber: true, isBestLow: true, of: (k, { forecast }) => forecast.cells.rank[k], text: (k, { forecast }) => whole(forecast.cells.rank[k]) },
  { head: "Cell", isBestLow: true, of: (k, { forecast }) => forecast.cells.cell_id[k], text: (k, { forecast }) => make("button", { type: "button", class: "link" }, String(forecast.cells.cell_id[k])) },
  { head: "Place", isBestLow: true, of: (k, { forecast }) => forecast.cells.place[k], text: (k, { forecast: { cells } }) => make("span", { title: cells.place[k] }, cells.place[k]) },
  { head: "Expected", isNumber: true, of: (k, { forecast }) => forecast.cells.mean[k], text: (k, { forecast }) => number(forecast.cells.mean[k]) },
  { head: "80 %", isNumber: true, of: (k, { forecast }) => forecast.cells.q90[k], text: (k, { forecast: { cells } }) => `${cells.q10[k]}–${cells.q90[k]}` },
  { head: "Long-run", isNumber: true, of: (k, { forecast }) => forecast.cells.long_run_mean[k], text: (k, { forecast }) => number(forecast.cells.long_run_mean[k]) },
  { head: "Counted", isNumber: true, of: (k, { outcome }) => outcome?.cells[k], text: (k, { outcome }) => whole(outcome?.cells[k]) },
];

/** @type {Given} */
let given;
/** @type {number[]} */
let order = []; // places in the forecast of the rows that the filter leaves
let sorted = COLUMNS[0], isDown = false, looked = ""; // looked: for the chosen cell, brought into sight once
/** @type {HTMLElement} */
let box;
/** @type {HTMLElement} */
let body;
/** @type {Set<string> | null} */
let wanted = null; // the cells that were looked for; null: all
let wantedText = "";

/** @param {Given} now */
export function showCells(now) {
  given = now;
  if (!box) build();
  arrange();
  const chosen = now.chosen ? `${now.chosen.row},${now.chosen.col}` : "";
  if (chosen && chosen !== looked) reveal(chosen);
  looked = chosen;
}

function build() {
  body = make("tbody", { onclick: pick });
  const heads = COLUMNS.map((column) => make("th", { scope: "col", class: column.isNumber && "number" },
    make("button", { type: "button", onclick: () => sortBy(column) }, column.head)));
  box = make("div", { class: "scroll long", tabindex: 0, role: "region", "aria-label": "All cells", onscroll: () => render() },
    make("table", { "aria-label": "All cells" }, make("thead", {}, make("tr", { "aria-rowindex": 1 }, heads)), body));
  byId("cells").replaceChildren(make("h3", {}, "All cells"),
    make("p", { id: "found", role: "status" }), box,
    make("p", { class: "quiet" }, "A head sorts by its column. A row chosen here is chosen on the map, and the other way round."));
}

/** @param {string} text  what was looked for @param {Set<string> | null} keys  its cells; null: all */
export function keepCells(text, keys) {
  [wantedText, wanted] = [text, keys];
  if (!box) return;
  box.scrollTop = 0;
  arrange();
}

/** @param {Column} column */
function sortBy(column) {
  isDown = column === sorted ? !isDown : !column.isBestLow;
  sorted = column;
  box.scrollTop = 0;
  arrange();
}

// Which rows there are, and in what order; what isn't known comes last.
function arrange() {
  const { cells } = given.forecast, sign = isDown ? -1 : 1;
  const values = cells.row.map((_, k) => sorted.of(k, given));
  order = [...cells.row.keys()].filter((k) => !wanted || wanted.has(key(k, given)));
  order.sort((a, b) => compare(values[a], values[b], sign) || cells.rank[a] - cells.rank[b]);
  box.querySelectorAll("th").forEach((head, c) => {
    if (COLUMNS[c] === sorted) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  box.querySelector("table")?.setAttribute("aria-rowcount", String(order.length + 1));
  byId("found").textContent = foundInWords(order.length, cells.row.length, order.reduce((sum, k) => sum + cells.mean[k], 0));
  render();
}

/** @param {number} found @param {number} all @param {number} expected  reports in those that were found */
function foundInWords(found, all, expected) {
  if (found === all) return `${whole(all)} cells`;
  if (!found) return `No place, street or cell of the city is called “${wantedText.trim()}”.`;
  return `${wantedText.trim()}: ${whole(found)} of ${whole(all)} cells, ${number(expected, 1)} reports expected together.`;
}

/** @param {Value | string} a @param {Value | string} b @param {number} sign */
function compare(a, b, sign) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return sign * (typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b));
}

function render() {
  const height = box.clientHeight || 20 * ROW_PX;
  const first = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - SPARE), last = Math.min(order.length, Math.ceil((box.scrollTop + height) / ROW_PX) + SPARE);
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("#cells tr[data-cell]"))?.dataset.cell;
  body.replaceChildren(space(first), ...order.slice(first, last).map((k, at) => row(k, first + at)), space(order.length - last));
  if (focused) /** @type {HTMLElement | null} */ (body.querySelector(`[data-cell="${focused}"] button`))?.focus({ preventScroll: true });
}

/** @param {number} rows */
function space(rows) {
  const room = make("tr", { class: "space", "aria-hidden": "true" }, make("td", { colspan: COLUMNS.length }));
  room.style.height = `${rows * ROW_PX}px`;
  return room;
}

/** @param {number} k @param {number} at */
function row(k, at) {
  const name = key(k, given), { chosen } = given;
  const isChosen = chosen?.row === given.forecast.cells.row[k] && chosen.col === given.forecast.cells.col[k];
  return make("tr", { "data-cell": name, "aria-rowindex": at + 2, "aria-current": isChosen && "true" },
    COLUMNS.map((column) => make("td", { class: column.isNumber ? "number" : undefined }, column.text(k, given))));
}

/** @param {Event} event */
function pick(event) {
  const name = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("tr[data-cell]"))?.dataset.cell;
  if (!name) return;
  looked = name; // where it is, it stays
  const [row, col] = name.split(",").map(Number);
  given.choose({ row, col });
}

/** @param {string} name */
function reveal(name) {
  const at = order.findIndex((k) => key(k, given) === name);
  if (at < 0) return;
  const top = at * ROW_PX, head = box.querySelector("thead")?.clientHeight ?? 0;
  if (top < box.scrollTop || top + ROW_PX + head > box.scrollTop + box.clientHeight) box.scrollTop = Math.max(0, top - (box.clientHeight - head) / 2);
  render();
}
