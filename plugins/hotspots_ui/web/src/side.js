/** @import { Cell, State, WeekForecast, WeekOutcome } from "./types" */

// What stands beside the map: the week, the chosen cell, clusters, divisions, downloads.
import { askOnce } from "./api.js";
import { sparkLine } from "./charts.js";
import { addressOf, site } from "./site.js";
import { between, byId, date, days, make, number, percent, range, signed, table, time, whole } from "./words.js";

/** @type {Record<string, string>} */
const KINDS = {
  csv: "CSV table", geojson: "GeoJSON", geoparquet: "GeoParquet", totals: "City and divisions, CSV", hub: "Hub-format Parquet",
  geopackage: "GeoPackage", style: "QGIS style", dictionary: "What each column means, CSV", manifest: "Manifest with hashes",
};
const TOP = 10, YEAR_WEEKS = 52;

/** @param {WeekForecast} forecast @param {WeekOutcome | null} outcome */
export function showSummary({ run, city }, outcome) {
  const late = run.is_backfill ? ", stored after its week had begun" : "";
  byId("summary").replaceChildren(
    make("h2", {}, `Week of ${days(run.target_week)}`),
    make("p", { class: "big" }, make("strong", {}, whole(city.mean)), " reports expected in the city"),
    make("p", {}, `With a chance of 80 %, between ${between(city)}. `,
      outcome ? `Counted: ${whole(outcome.reports)}, as known up to the week of ${date(outcome.observed_edge_week)}.` : "What happened isn't known yet."),
    make("p", { class: "quiet" }, `Issued ${date(run.issue_date)} on whole weeks up to that of ${date(run.edge_week)}, ${run.horizon} weeks before; ` +
      `reports complete to ${run.snapshot_age_days} days before the issue date. Revision ${run.revision}${late}. Model ${run.model}.`));
}

/** @param {string} week */
export const showGap = (week) => byId("summary").replaceChildren(
  make("h2", {}, `Week of ${days(week)}`), make("p", {}, "There is no forecast for this week: none was issued. The weeks around it have theirs."));

/**
 * @param {State} state
 * @param {WeekForecast} forecast
 * @param {WeekOutcome | null} outcome
 * @param {(cell: Cell | null) => void} choose
 */
export async function showCell(state, forecast, outcome, choose) {
  const { cells, run } = forecast, chosen = state.cell;
  const k = chosen ? cells.row.findIndex((row, i) => row === chosen.row && cells.col[i] === chosen.col) : -1;
  byId("cell").classList.toggle("chosen", k >= 0);
  if (!chosen || k < 0) {
    byId("cell").replaceChildren(make("h2", {}, "A cell"), make("p", { class: "quiet" },
      "Click a cell of the map, or choose one from the tables below, for its figures and its last year."));
    delete byId("cell").dataset.cell;
    return;
  }
  const band = (/** @type {number} */ q10, /** @type {number} */ q90) => between({ q10, q90 });
  const facts = [
    ["Expected", `${number(cells.mean[k])} reports`], ["50 % between", band(cells.q25[k], cells.q75[k])],
    ["80 % between", band(cells.q10[k], cells.q90[k])], ["95 % between", band(cells.q025[k], cells.q975[k])], ["Chance of any", percent(cells.p_any[k])],
    ["Rank", `${whole(cells.rank[k])} of ${whole(cells.row.length)}${cells.band[k] ? `, in the top ${cells.band[k]}\u00a0%` : ""}`],
    ["Top 5 % again", cells.p_top5[k] == null ? "not known" : `in ${percent(cells.p_top5[k])} of re-runs of history`],
    ["Long-run average", `${number(cells.long_run_mean[k])} a week`],
    ["Counted", outcome ? whole(outcome.cells[k]) : "not known yet"],
    ["Cluster", cells.cluster[k] ? String(cells.cluster[k]) : "none"],
  ];
  const figure = make("figure", { class: "spark" });
  byId("cell").replaceChildren(
    make("button", { type: "button", class: "close", "aria-label": "Close the cell", onclick: () => choose(null) }, "×"),
    make("h2", {}, `Cell ${cells.cell_id[k]}`),
    make("p", {}, cells.where[k]),
    make("dl", {}, facts.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    figure, make("p", { class: "quiet" }, make("span", { class: "key bars" }), " counted  ", make("span", { class: "key line" }), " forecast, the last 52 weeks"));
  const history = await askOnce(`cells/${chosen.row}/${chosen.col}`, { city: state.city, week: run.target_week });
  if (!figure.isConnected) return;
  const weeks = history.weeks.filter((w) => w.week_start <= run.target_week).slice(-YEAR_WEEKS).map((w) => ({ ...w, at: time(w.week_start) }));
  const counted = weeks.filter((w) => w.reports != null);
  const sum = counted.reduce((all, w) => all + (w.reports ?? 0), 0);
  sparkLine(figure, weeks, `${sum} reports counted in ${counted.length} known weeks of the last 52`);
  byId("cell").dataset.cell = `${chosen.row},${chosen.col}`;
}

/**
 * @param {WeekForecast} forecast
 * @param {WeekOutcome | null} outcome
 * @param {(cell: Cell) => void} choose
 */
export function showTables({ clusters, divisions, has_neighbourhoods: named, neighbourhood_source: source, run }, outcome, choose) {
  const name = (/** @type {number} */ row, /** @type {number} */ col, /** @type {number} */ id) => make("button", { type: "button", class: "link", onclick: () => choose({ row, col }) }, String(id));
  byId("clusters").replaceChildren(table("Largest clusters of hotspots", [">No.", "Peak", named ? "Place" : "Division", "Size", ">Cells", ">Expected", ">Long-run", ">Stable"],
    clusters.slice(0, TOP).map((c) => [c.cluster, name(c.peak_row, c.peak_col, c.peak_cell_id), c.place, c.size.replaceAll(" ", "\u00a0"), c.cells, number(c.expected, 1), number(c.long_run_mean, 1), percent(c.p_top5)]),
    { note: `${clusters.length} clusters in all. Hotspots are the 5 % of cells with the highest expected counts; a cluster is those around one peak, and is named after it. ` +
      "Stable: how often a re-run of history, each report drawn again by chance, flags the same cells." + (source ? ` Neighbourhoods: ${source}.` : "") }));
  byId("divisions").replaceChildren(table("Divisions", ["Division", ">Expected", ">80 %", ">Counted", ">Off by"],
    divisions.map((d) => {
      const counted = outcome ? outcome.divisions[d.name] ?? 0 : null;
      return [d.name, number(d.mean, 1), range(d), counted ?? "–", counted == null ? "–" : signed(counted - d.mean, 1)];
    }),
    { shown: TOP }));
  byId("divisions").dataset.week = run.target_week;
}

/** @param {State} state @param {string} week */
export async function showDownloads({ city }, week) {
  if (site === "divisions") return;
  const path = `weeks/${week}`, list = (/** @type {HTMLElement[]} */ links) => make("ul", { class: "links" }, links.map((link) => make("li", {}, link)));
  const link = (/** @type {string} */ kind, name = kind) => make("a", { href: addressOf(`${path}/downloads/${name}`, { city }), download: true }, KINDS[kind]);
  if (!site) {
    byId("downloads").replaceChildren(make("h2", {}, "Download this week"), list(Object.keys(KINDS).map((kind) => link(kind))),
      make("p", { class: "quiet" }, "The same figures as on this page. The API behind it is described at ",
        make("a", { href: "v1/openapi.json" }, "v1/openapi.json"), "."));
    return;
  }
  const { files } = await askOnce(`weeks/${week}/downloads`, { city }); // a site's files keep their own names
  byId("downloads").replaceChildren(make("h2", {}, "Download this week"), list(files.map(({ kind, file }) => link(kind, file))),
    make("p", { class: "quiet" }, "The same figures as on this page. ", make("a", { href: addressOf(`${path}/report.html`, { city }) }, "The week’s report"), " prints well."));
}

