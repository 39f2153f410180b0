import { ask, askOnce, askOutcome, weekOfRun } from "./api.js";
import { LAYERS, overStreets } from "./colours.js";
import { CityMap } from "./map.js";
import * as pages from "./pages.js";
import * as side from "./side.js";
import * as skill from "./skill.js";
import "./style.css";
import { byId, days, list, make, words } from "./words.js";

const DEFAULT_CITY = "los_angeles", STEP_MS = 700;
const NEEDS_OUTCOME = ["outcome", "difference"];
// Everything that is shown follows from this; the address holds it too.
const state = { city: DEFAULT_CITY, week: null, view: "map", layer: "forecast", cell: null, weeks: [] };
let map, geometry, playing = null, asked = 0;

function readAddress() {
  const address = new URLSearchParams(location.search);
  const [row, col] = (address.get("cell") || "").split(",").map(Number);
  state.city = address.get("city") || DEFAULT_CITY;
  state.week = address.get("week");
  state.view = document.querySelector(`[data-shown="${CSS.escape(address.get("view") || "map")}"]`) ? address.get("view") || "map" : "map";
  state.layer = LAYERS[address.get("layer")] ? address.get("layer") : "forecast";
  state.cell = Number.isInteger(row) && Number.isInteger(col) ? { row, col } : null;
  return address;
}

function writeAddress() {
  const { city, week, view, layer, cell } = state;
  const address = new URLSearchParams({ city, week, view, layer });
  if (cell) address.set("cell", `${cell.row},${cell.col}`);
  history.replaceState(null, "", `?${address}`);
}

function say(id, text) {
  byId(id).textContent = text || "";
  byId(id).hidden = !text;
}

async function start() {
  const address = readAddress();
  const run = address.get("run_id") && await weekOfRun(address.get("dag_id"), address.get("run_id")).catch(() => null);
  if (run) Object.assign(state, run);
  await openCity();
  if (address.get("run_id") && state.week !== run?.week) {
    say("problem", "This run has published no forecast (yet): it still runs, failed, or was a dry run. The newest forecast is shown instead.");
  }
}

async function openCity() {
  askOnce("geometry", { city: state.city }).catch(() => {}); // it comes while the weeks do
  let list_ = await ask("weeks", { city: state.city });
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
  map.setGeometry(geometry);
  byId("slider").max = state.weeks.length - 1;
  await go(state.weeks.some((w) => w.target_week === state.week) ? state.week : state.weeks.at(-1).target_week);
}

const index = () => state.weeks.findIndex((w) => w.target_week === state.week);

async function go(week) {
  state.week = week;
  await show();
}

// Show the state. A later call wins over one that still waits for its answers.
async function show() {
  const turn = ++asked, { city, week } = state, k = index(), line = state.weeks[k];
  document.querySelectorAll("[data-view]").forEach((b) => b.setAttribute("aria-current", b.dataset.view === state.view ? "page" : "false"));
  document.querySelectorAll("[data-shown]").forEach((s) => { s.hidden = s.dataset.shown !== state.view; });
  byId("slider").value = k;
  byId("slider").setAttribute("aria-valuetext", days(week));
  byId("week").textContent = days(week);
  byId("back").disabled = k === 0;
  byId("on").disabled = k === state.weeks.length - 1;
  say("provenance", line.banner);
  say("problem", "");
  writeAddress();
  const before = state.layer === "change" && k > 0 ? askOnce(`weeks/${state.weeks[k - 1].target_week}/forecast`, { city }) : null;
  const [forecast, outcome, earlier] = await Promise.all([...weekOf(line), before]);
  if (turn !== asked) return;
  if (state.view === "map") showMap(forecast, outcome, earlier);
  await showPage(line, turn);
  document.body.dataset.week = week;
  document.body.dataset.view = state.view;
  if (turn !== asked) return;
  // The weeks on either side, so that moving there needs no waiting.
  for (const next of [state.weeks[k - 1], state.weeks[k + 1]]) next && Promise.all(weekOf(next)).catch(() => {});
}

const weekOf = ({ target_week, observed }) => [
  askOnce(`weeks/${target_week}/forecast`, { city: state.city }),
  observed == null ? null : askOutcome(state.city, target_week),
];

function showMap(forecast, outcome, before) {
  const missing = NEEDS_OUTCOME.includes(state.layer) && !outcome ? "What happened in this week isn't known yet."
    : state.layer === "change" && !before ? "This is the first week; there is none to compare with." : "";
  map.draw(forecast, state.layer, missing ? forecast.cells.mean.map(() => null) : values(forecast, outcome, before));
  map.choose(state.cell);
  showLegend(missing);
  side.showSummary(forecast, outcome);
  side.showTables(forecast, outcome, choose);
  side.showDownloads(state, state.week);
  side.showCell(state, forecast, outcome).catch(fail);
}

function values({ cells }, outcome, before) {
  return {
    forecast: () => cells.mean,
    outcome: () => outcome.cells,
    difference: () => cells.mean.map((mean, k) => outcome.cells[k] - mean),
    long_run: () => cells.long_run_mean,
    change: () => cells.mean.map((mean, k) => mean - before.cells.mean[k]),
  }[state.layer]();
}

async function showPage(line, turn) {
  const section = document.querySelector(`[data-shown="${state.view}"]`);
  if (state.view === "skill") await skill.show(section, state.city);
  if (state.view === "trust") await pages.trust(section, state.city, state.week, line);
  if (state.view === "weeks" && turn === asked) pages.weeks(section, state.weeks.toReversed(), (week) => { state.view = "map"; go(week).catch(fail); });
  if (state.view === "about") pages.about(section, geometry);
}

function showLegend(missing) {
  const { unit, steps } = LAYERS[state.layer], streets = geometry?.base_map;
  const swatch = (colour) => {
    const box = make("span", { class: "swatch" });
    box.style.background = streets ? overStreets(colour) : colour;
    return box;
  };
  byId("legend").replaceChildren(
    ...(missing ? [make("p", { class: "note", role: "status" }, missing)] : []),
    make("p", { class: "unit" }, unit),
    make("ul", { class: "scale" }, steps.map(({ colour, label }) => make("li", {}, swatch(colour), label))),
    make("ul", { class: "scale lines" }, [1, 2, 5].map((band) => make("li", {}, make("span", { class: `line band${band}` }), `top ${band} %`)),
      make("li", {}, make("span", { class: "cluster" }, "1"), "largest clusters"), make("li", {}, make("span", { class: "line division" }), "division")),
    ...(streets ? [make("p", { class: "unit", id: "source" }, `Streets: ${streets.source}`)] : []));
}

function choose(cell) {
  state.cell = cell;
  show().catch(fail);
}

function fail(error) {
  if (error.status === 401) say("problem", "You are no longer logged in. Log in to Airflow and load this page again.");
  else say("problem", error.message);
}

function stop() {
  clearInterval(playing);
  playing = null;
  byId("play").setAttribute("aria-pressed", "false");
  byId("play").textContent = "Play";
}

function play() {
  if (playing) return stop();
  if (index() === state.weeks.length - 1) go(state.weeks[0].target_week).catch(fail);
  byId("play").setAttribute("aria-pressed", "true");
  byId("play").textContent = "Pause";
  playing = setInterval(() => (index() < state.weeks.length - 1 ? move(1) : stop()), STEP_MS);
}

function move(by) {
  const to = state.weeks[index() + by];
  if (to) go(to.target_week).catch(fail);
}

function setUp() {
  map = new CityMap(byId("map"), (row, col) => choose({ row, col }));
  byId("layers").append(...Object.entries(LAYERS).map(([id, { name }]) => make("label", {},
    make("input", { type: "radio", name: "layer", value: id, checked: id === state.layer, onchange: () => { state.layer = id; show().catch(fail); } }), name)));
  showLegend(""); // before the map is fitted into what it leaves
  document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => {
    state.view = button.dataset.view;
    show().catch(fail);
  }));
  byId("slider").addEventListener("input", () => { stop(); go(state.weeks[byId("slider").value].target_week).catch(fail); });
  byId("back").addEventListener("click", () => { stop(); move(-1); });
  byId("on").addEventListener("click", () => { stop(); move(1); });
  byId("play").addEventListener("click", play);
  byId("city").addEventListener("change", () => { Object.assign(state, { city: byId("city").value, week: null, cell: null }); openCity().catch(fail); });
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by && event.target === document.body) { stop(); move(by); }
  });
}

readAddress();
setUp();
start().catch(fail);
// For tests: where a cell lies on the screen.
window.hotspots = { pointOf: (row, col) => map.pointOf(row, col) };
