/** @import { ApiError, Cell, Geometry, Layer, LayerName, Shown, State, Value, WeekForecast, WeekLine, WeekOutcome } from "./types" */
import { copyLink, leaveFrame, login, readAddress, sectionOf, writeAddress } from "./address.js";
import { ask, askOnce, askOutcome, weekOfRun } from "./api.js";
import { keepCells, showCells } from "./cells.js";
import { LAYERS, overStreets } from "./colours.js";
import { Finder } from "./find.js";
import { CityMap } from "./map.js";
import * as pages from "./pages.js";
import * as side from "./side.js";
import * as skill from "./skill.js";
import { site } from "./site.js";
import "./style.css";
import { followTheme } from "./theme.js";
import * as trust from "./trust.js";
import { byId, days, inHabit, later, list, make, words } from "./words.js";

const STEP_MS = 700, SHEET_GAP_PX = 12;
const NEEDS_OUTCOME = ["outcome", "difference"];
// Everything that is shown follows from this; the address holds it too.
/** @type {State} */
const state = { city: "", week: "", view: "map", layer: "forecast", cell: null, weeks: [], calendar: [] };
/** @type {CityMap} */
let map;
/** @type {Finder} */
let finder;
/** @type {Geometry | undefined} */
let geometry;
/** @type {number | undefined} */
let playing;
let asked = 0;

/** @returns {NodeListOf<HTMLElement>} */
const all = (/** @type {string} */ selector) => document.querySelectorAll(selector);
/** @param {string} id @param {string | null} text */
function say(id, text) {
  byId(id).textContent = inHabit(text || "");
  byId(id).hidden = !text;
}

async function start() {
  byId("content").ariaBusy = "true";
  const address = readAddress(state);
  const id = address.get("run_id");
  const run = id ? await weekOfRun(address.get("dag_id") || "", id).catch(() => null) : null;
  if (run) Object.assign(state, run);
  const cell = address.get("cell"), amiss = await openCity(cell);
  if (cell && !state.cell) amiss.push(`There is no cell “${cell}” in ${geometry?.title}.`);
  if (id && state.week !== run?.week) {
    amiss.push("This run has published no forecast (yet): it still runs, failed, or was a dry run. The newest forecast is shown instead.");
  }
  say("problem", amiss.join(" "));
}

/** @param {string | null} [cell]  its number @returns {Promise<string[]>} what of the address isn't there, in sentences */
async function openCity(cell) {
  const wanted = { city: state.city, week: state.week }, amiss = [];
  askOnce("geometry", { city: state.city }).catch(() => {}); // it comes while the weeks do
  let list_ = await ask("weeks", { city: state.city }).catch((error) => {
    if (error.status !== 422 && !(site && error.status === 404)) throw error; // no name of a city at all, or none of a site's
    return ask("weeks");
  });
  if (!list_.weeks.length && list_.cities.length) list_ = await ask("weeks", { city: list_.cities[0] });
  if (!list_.weeks.length) throw new Error("There is no forecast yet. Run the DAG weekly_forecast; this page shows what it publishes.");
  state.city = list_.city;
  state.weeks = list_.weeks.toReversed();
  geometry = await askOnce("geometry", { city: state.city });
  byId("title").textContent = `Hotspots · ${geometry.title}`;
  byId("offences").textContent = list(geometry.offences.map(words));
  byId("cities").hidden = list_.cities.length < 2;
  byId("city").replaceChildren(...list_.cities.map((name) => new Option(words(name), name, false, name === state.city)));
  say("stale", list_.stale_reason);
  if (wanted.city !== state.city && location.search.includes("city=")) amiss.push(`There is no city “${wanted.city}” here. ${geometry.title} is shown instead.`);
  map.setGeometry(geometry);
  finder.reset();
  keepCells("", null);
  if (geometry.has_roads && site !== "divisions") showRoads(state.city);
  const first = state.weeks[0].target_week, last = state.weeks[state.weeks.length - 1].target_week;
  state.calendar = [first];
  while (newest() < last) state.calendar.push(later(newest(), 1));
  byId("slider").max = String(state.calendar.length - 1);
  showGaps();
  if (wanted.week && index() < 0) amiss.push(unknownWeek(wanted.week));
  if (index() < 0) state.week = newest();
  state.cell = cellOf(cell);
  if (state.cell && !(await hasCell(state.cell))) state.cell = null;
  await show({ isStep: false });
  return amiss;
}

// They come after the map, which does without them where their file is amiss.
/** @param {string} city */
async function showRoads(city) {
  try {
    const { roads, source } = await askOnce("roads", { city });
    if (city !== state.city) return;
    finder.roads = roads;
    map.setRoads(roads);
    say("road-source", `Roads: ${source}`);
  } catch (error) {
    say("road-source", `The roads can't be shown. ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {string} week */
function unknownWeek(week) {
  const isSunday = /^\d{4}-\d\d-\d\d$/.test(week) && new Date(week).getUTCDay() === 0;
  return `${isSunday ? `There is no forecast for the week of ${days(week)}.` : `“${week}” is no week: a week is named by its Sunday, such as ${newest()}.`} The newest is shown instead.`;
}

/** @param {string | null} [id] @returns {Cell | null} */
function cellOf(id) {
  return geometry && /^\d{1,9}$/.test(id ?? "") ? { row: Math.floor(Number(id) / geometry.cols), col: Number(id) % geometry.cols } : null;
}

/** @param {Cell} cell */
async function hasCell({ row, col }) {
  const { cells } = await askOnce(`weeks/${(lineOf(state.week) ?? nearest(state.week)).target_week}/forecast`, { city: state.city });
  return cells.row.some((r, k) => r === row && cells.col[k] === col);
}

const newest = () => state.calendar[state.calendar.length - 1];
const index = () => state.calendar.indexOf(state.week);
/** @param {string} week */
const lineOf = (week) => state.weeks.find((w) => w.target_week === week);

// Weeks without a forecast, marked along the slider.
function showGaps() {
  byId("gaps").replaceChildren(...state.calendar.flatMap((week, k) => {
    if (lineOf(week)) return [];
    const mark = make("span", { title: `No forecast for ${days(week)}` });
    mark.style.setProperty("--at", String(k / (state.calendar.length - 1)));
    return [mark];
  }));
}

/** @param {string} week */
async function go(week) {
  state.week = week;
  await show();
}

// Show the state. A later call wins over one that still waits for its answers.
async function show({ isStep } = { isStep: true }) {
  byId("content").ariaBusy = "true";
  const turn = ++asked, { city, week } = state, k = index(), line = lineOf(week);
  all("[data-view]").forEach((b) => b.setAttribute("aria-current", b.dataset.view === state.view ? "page" : "false"));
  all("[data-shown]").forEach((s) => { s.hidden = s.dataset.shown !== state.view; });
  byId("slider").value = String(k);
  byId("slider").setAttribute("aria-valuetext", `${days(week)}${line ? "" : ", no forecast"}`);
  byId("week").textContent = days(week);
  byId("back").disabled = k === 0;
  byId("on").disabled = k === state.calendar.length - 1;
  say("provenance", (line ?? nearest(week)).banner);
  say("problem", "");
  /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#layers input")).forEach((input) => { input.checked = input.value === state.layer; });
  const view = document.querySelector(`[data-view="${state.view}"]`)?.textContent;
  document.title = `${geometry?.title}, ${days(week)}: ${view} · Hotspots`;
  writeAddress(state, { isStep, cols: geometry?.cols ?? 1 });
  const compared = state.layer === "change" ? lineOf(later(week, -1)) : undefined;
  const before = compared ? askOnce(`weeks/${compared.target_week}/forecast`, { city }) : null;
  const [forecast, outcome, earlier] = await Promise.all([...weekOf(line ?? nearest(week)), before]);
  if (turn !== asked) return;
  if (state.view === "map") showMap(line ? { forecast, outcome, earlier } : { forecast: withoutBands(forecast), outcome: null, earlier: null }, !line);
  await showPage(line, turn);
  document.body.dataset.week = week;
  document.body.dataset.view = state.view;
  byId("content").ariaBusy = "false";
  if (turn !== asked) return;
  // The weeks on either side, so that moving there needs no waiting.
  for (const next of [lineOf(later(week, -1)), lineOf(later(week, 1))]) next && Promise.all(weekOf(next)).catch(() => {});
}

// The issued week before one that was not.
/** @param {string} week */
const nearest = (week) => state.weeks.findLast((w) => w.target_week < week) ?? state.weeks[0];

/** @param {WeekForecast} forecast @returns {WeekForecast} */
const withoutBands = (forecast) => ({ ...forecast, clusters: [], cells: { ...forecast.cells, band: forecast.cells.band.map(() => 0) } });

/** @returns {[Promise<WeekForecast>, Promise<WeekOutcome | null> | null]} */
const weekOf = (/** @type {WeekLine} */ { target_week, observed }) => [
  askOnce(`weeks/${target_week}/forecast`, { city: state.city }),
  observed == null ? null : askOutcome(state.city, target_week),
];

/**
 * @param {{ forecast: WeekForecast, outcome: WeekOutcome | null, earlier: WeekForecast | null }} answers
 * @param {boolean} isGap
 */
function showMap({ forecast, outcome, earlier }, isGap) {
  const { layer, week } = state;
  const missing = isGap ? "There is no forecast for this week."
    : NEEDS_OUTCOME.includes(layer) && !outcome ? "What happened in this week isn't known yet."
    : layer === "change" && !earlier ? "There is no forecast for the week before to compare with." : "";
  /** @type {Shown} */
  const shown = { forecast, outcome, layer, missing, isGap, values: missing ? forecast.cells.mean.map(() => null) : values(forecast, outcome, earlier) };
  map.draw(shown);
  map.choose(state.cell);
  byId("map").dataset.week = week;
  say("note", missing);
  showLegend();
  all(".side .card:not(#summary)").forEach((card) => { card.hidden = isGap; });
  if (isGap) return side.showGap(week);
  side.showSummary(forecast, outcome);
  side.showTables(forecast, outcome, chooseInTable);
  showCells({ forecast, outcome, chosen: state.cell, choose: chooseInTable });
  side.showDownloads(state, state.week).catch(fail);
  side.showCell(state, forecast, outcome, choose).catch(fail);
  uncover();
}

/**
 * @param {WeekForecast} forecast
 * @param {WeekOutcome | null} outcome
 * @param {WeekForecast | null} before
 * @returns {Value[]}
 */
function values({ cells }, outcome, before) {
  const counted = outcome?.cells ?? [], earlier = before?.cells.mean ?? [];
  return {
    forecast: () => cells.mean,
    outcome: () => counted,
    difference: () => cells.mean.map((mean, k) => counted[k] - mean),
    long_run: () => cells.long_run_mean,
    change: () => cells.mean.map((mean, k) => mean - earlier[k]),
  }[state.layer]();
}

/** @param {WeekLine | undefined} line @param {number} turn */
async function showPage(line, turn) {
  const section = sectionOf(state.view);
  if (!section || !geometry) return;
  if (state.view === "skill") await skill.show(section, state.city);
  if (state.view === "trust") await (line ? trust.show(section, state.city, state.week, line) : trust.showNone(section));
  if (state.view === "weeks" && turn === asked) pages.weeks(section, state.weeks.toReversed(), (/** @type {string} */ week) => { state.view = "map"; go(week).catch(fail); });
  if (state.view === "about") pages.about(section, geometry);
}

// All layers' scales lie upon one another and one is seen, so that the map beside them keeps its size.
function showLegend() {
  const streets = geometry?.base_map;
  const swatch = (/** @type {string} */ colour) => {
    const box = make("span", { class: "swatch" });
    box.style.background = streets ? overStreets(colour) : colour;
    return box;
  };
  const scales = Object.entries(LAYERS).map(([id, { unit, steps }]) => make("div", { "aria-hidden": id !== state.layer && "true" },
    make("p", { class: "unit" }, unit), make("ul", { class: "scale" }, steps().map(({ colour, label }) => make("li", {}, swatch(colour), label)))));
  byId("legend").replaceChildren(
    make("div", { class: "scales" }, scales),
    make("ul", { class: "scale lines" }, make("li", {}, make("span", { class: "unknown" }), "not known"),
      [1, 2, 5].map((band) => make("li", {}, make("span", { class: `line band${band}` }), `top ${band} %`)),
      make("li", {}, make("span", { class: "cluster" }, "1"), "largest clusters"), make("li", {}, make("span", { class: "line division" }), "division")),
    ...(streets ? [make("p", { class: "unit", id: "source" }, `Streets: ${streets.source}`)] : []));
}

/** @param {Cell | null} cell */
function choose(cell) {
  state.cell = cell;
  show().catch(fail);
}

/** @param {Cell} cell */
function chooseInTable(cell) {
  map.show(cell);
  choose(cell);
}

// On a phone the chosen cell's sheet lies over the lower half of the screen; bring the cell above it.
function uncover() {
  if (!state.cell || getComputedStyle(byId("cell")).position !== "fixed") return;
  const { y } = map.pointOf(state.cell.row, state.cell.col);
  if (y < 0 || y > byId("cell").getBoundingClientRect().top - SHEET_GAP_PX) byId("map").scrollIntoView();
}

// A sentence, and what can be done: log in, or try again.
/** @param {ApiError} error */
function fail(error) {
  stop();
  byId("content").ariaBusy = "false";
  document.body.dataset.failed = "";
  const isOut = error.status === 401;
  say("problem", isOut ? "You are no longer logged in." : error.message);
  byId("problem").append(" ", isOut ? make("a", { href: login(), onclick: leaveFrame }, "Log in and come back here")
    : make("button", { type: "button", onclick: () => { delete document.body.dataset.failed; start().catch(fail); } }, "Try again"));
}

function stop() {
  clearInterval(playing);
  playing = undefined;
  byId("play").setAttribute("aria-pressed", "false");
  byId("play").textContent = "Play";
}

function play() {
  if (playing) return stop();
  if (index() === state.calendar.length - 1) go(state.calendar[0]).catch(fail);
  byId("play").setAttribute("aria-pressed", "true");
  byId("play").textContent = "Pause";
  playing = setInterval(() => (index() < state.calendar.length - 1 ? move(1) : stop()), STEP_MS);
}

/** @param {number} by */
function move(by) {
  const to = state.calendar[index() + by];
  if (to) go(to).catch(fail);
}

// A site says where its feed is and, where its cells aren't public, shows no map of them.
function setUpSite() {
  byId("feed").hidden = !site;
  if (site !== "divisions") return;
  document.body.dataset.public = site;
  byId("content").prepend(make("p", { class: "quiet" }, "Only figures of the city and its divisions are public here."));
  const first = document.querySelector('[data-view="map"]');
  if (first) first.textContent = "The week";
}

function setUp() {
  map = new CityMap(byId("map"), choose);
  finder = new Finder({
    forecast: () => map.shown?.forecast,
    cellAt: (lat, lng) => map.cellAt({ lat, lng }),
    type: keepCells,
    clear: () => { keepCells("", null); map.find([]); },
    pick: ({ keys }) => {
      map.find(keys);
      const [row, col] = keys[0].split(",").map(Number);
      choose(keys.length === 1 ? { row, col } : null);
    },
  });
  const layers = /** @type {[LayerName, Layer][]} */ (Object.entries(LAYERS));
  byId("layers").append(...layers.map(([id, { name }]) => make("label", {},
    make("input", { type: "radio", name: "layer", value: id, checked: id === state.layer, onchange: () => { state.layer = id; show().catch(fail); } }), name)));
  showLegend(); // before the map is fitted into what it leaves
  all("[data-view]").forEach((button) => button.addEventListener("click", () => {
    state.view = button.dataset.view || "map";
    show().catch(fail);
  }));
  byId("slider").addEventListener("input", () => { stop(); go(state.calendar[byId("slider").valueAsNumber]).catch(fail); });
  byId("back").addEventListener("click", () => { stop(); move(-1); });
  byId("on").addEventListener("click", () => { stop(); move(1); });
  byId("play").addEventListener("click", play);
  byId("copy").addEventListener("click", async () => { byId("copied").textContent = await copyLink(byId("link")); });
  byId("link").addEventListener("blur", () => { byId("link").hidden = true; byId("copied").textContent = ""; });
  window.addEventListener("popstate", () => {
    stop();
    const { city } = state;
    const cell = readAddress(state).get("cell");
    state.cell = cellOf(cell);
    (state.city === city ? show({ isStep: false }) : openCity(cell)).catch(fail);
  });
  byId("city").addEventListener("change", () => { Object.assign(state, { city: byId("city").value, week: "", cell: null }); openCity().catch(fail); });
  document.addEventListener("keydown", (event) => {
    const by = new Map([["ArrowLeft", -1], ["ArrowRight", 1]]).get(event.key);
    if (by && event.target === document.body) { stop(); move(by); }
    if (event.key === "Escape" && state.cell) {
      if (byId("cell").contains(document.activeElement)) byId("map").focus();
      choose(null);
    }
  });
}

readAddress(state);
followTheme(() => {
  if (!map?.shown) return;
  map.retone();
  show({ isStep: false }).catch(fail);
});
setUpSite();
setUp();
start().catch(fail);
// For tests: where a cell lies on the screen.
window.hotspots = { pointOf: (row, col) => map.pointOf(row, col) };
