/** @import { Geometry, WeekHealth, WeekLine } from "./types" */

// The views without pictures: can I trust it, all weeks, about.
import { leaveFrame } from "./address.js";
import { askOnce } from "./api.js";
import { date, days, list, make, range, table, whole, words } from "./words.js";

/** @type {Record<string, string>} */
const OUTCOMES = { pass: "✓ passed", warn: "⚠ warning" };
const STAGES = { forecast: "awaits reports", known: "counted", scored: "scored" };

/** @param {HTMLElement} section @param {string} city @param {string} week @param {WeekLine} line */
export async function trust(section, city, week, line) {
  const found = await askOnce(`weeks/${week}/health`, { city });
  const { run, checks, tally, notes } = found, bad = checks.filter((check) => check.outcome !== "pass");
  section.replaceChildren(
    make("h2", {}, "Can I trust it?"),
    make("p", { class: "lead" }, `Week of ${days(week)}: ${checks.length - bad.length} of ${checks.length} checks of its data passed` +
      (bad.length ? `; ${bad.length} did not, and stand first below.` : ".")),
    make("div", { class: "tiles" }, [
      ["Source", run.provenance], ["Newest report", `${run.snapshot_age_days} days old`], ["Whole weeks up to", date(run.edge_week)],
      ["Looks ahead", `${run.horizon} weeks`], ["Rows in", whole(line?.rows_in)], ["Model", `${run.model}, ${words(run.training_mode)}`],
    ].map(([name, value]) => make("div", { class: "tile" }, make("span", {}, name), make("strong", {}, value)))),
    links(found, city),
    ...(found.stale_detail ? [make("h3", {}, "Why there is no newer forecast"), make("pre", { id: "stale-detail", tabindex: 0 }, found.stale_detail)] : []),
    table("Checks of the data", ["Table", "Check", "Outcome", "Found", "Expected", ">Rows"],
      [...bad, ...checks.filter((check) => check.outcome === "pass")].map((c) => [words(c.table), words(c.name), OUTCOMES[c.outcome] || `✗ ${c.outcome}`, c.found, c.expected, whole(c.rows)])),
    table("Where the rows went", ["Rows", ">Number"], Object.entries(tally).map(([name, rows]) => [name, whole(rows)])),
    ...(notes.length ? [make("h3", {}, "What the run had to recover from"), make("ul", {}, notes.map((note) => make("li", {}, note)))] : []),
    table("What made it", ["Part", "Version or hash"], [
      ["Forecast", make("code", {}, run.forecast_sha256)], ["Input cube", make("code", {}, found.input_sha256)], ["Model", make("code", {}, found.model_sha256)],
      ["Settings", make("code", {}, found.config_sha256)], ["Code", found.code_version], ["Stored", run.created_at.replace("T", " ").replace("Z", " UTC")],
    ]));
}

/** @param {HTMLElement} section */
export const noTrust = (section) => section.replaceChildren(
  make("h2", {}, "Can I trust it?"), make("p", { class: "lead" }, "There is no forecast for this week: none was issued, so there is nothing to check."));

// Airflow's own pages lie beside this one, which may stand in a frame of theirs.
/** @param {WeekHealth} found @param {string} city */
function links(found, city) {
  const outside = { onclick: leaveFrame };
  const all = [
    found.has_card && make("a", { href: `v1/models/${encodeURIComponent(found.model_version)}/card?city=${city}`, download: true }, `Card of model ${found.model_version}`),
    found.airflow_run && make("a", { href: runAddress(found.airflow_run), ...outside }, "The run in Airflow"),
    found.data_docs && make("a", { href: found.data_docs, ...outside }, "All checks in full (Data Docs)"),
  ].filter((link) => link instanceof HTMLElement);
  return make("ul", { class: "links" }, all.map((link) => make("li", {}, link)));
}

/** @param {string} run  DAG/RUN */
function runAddress(run) {
  const [dag, id] = run.split("/");
  return `../dags/${dag}/runs/${encodeURIComponent(id)}`;
}

/** @param {HTMLElement} section @param {WeekLine[]} lines @param {(week: string) => void} go */
export function weeks(section, lines, go) {
  const open = (/** @type {string} */ week) => make("button", { type: "button", class: "link", onclick: () => go(week) }, days(week));
  const inside = (/** @type {WeekLine} */ w) => (w.observed == null ? "" : w.observed < w.total.q10 || w.observed > w.total.q90 ? " (outside)" : "");
  section.replaceChildren(make("h2", {}, "All weeks"),
    table("Every issued week and how far it has come", ["Week", "State", ">Expected", ">80 %", ">Counted", "Pulled", "Gridded to", "Forecast", "Scored on data to"],
      lines.map((w) => [open(w.target_week), `${STAGES[w.stage]}${w.provenance === "live" ? "" : `, ${w.provenance}`}`,
        whole(w.total.mean), range(w.total), w.observed == null ? "–" : `${whole(w.observed)}${inside(w)}`,
        `${date(w.issue_date)}${w.rows_in == null ? "" : `, ${whole(w.rows_in)} rows`}`, date(w.edge_week),
        `revision ${w.revision}${w.is_backfill ? ", late" : ""}`, w.scored_edge_week ? date(w.scored_edge_week) : "–"]),
      { note: "Dates after “to” are the Sundays that the last whole week of data starts on." }));
}

/** @param {HTMLElement} section @param {Geometry} geometry */
export function about(section, geometry) {
  const part = (/** @type {string} */ title, /** @type {string[]} */ ...lines) => [make("h3", {}, title), make("ul", {}, lines.map((line) => make("li", {}, line)))];
  section.replaceChildren(make("h2", {}, "About this forecast"),
    make("p", { class: "lead" }, `Each week it says how many reports of ${list(geometry.offences.map(words))} are to be expected next week in each cell of ${geometry.title}, and how unsure that is.`),
    ...part("What it is for", "Planning and research: where services, lighting, outreach and prevention may be needed over the coming weeks.",
      "Checking in public what such forecasts can and can't do: every one is scored, beside simple averages."),
    ...part("What it must not be used for", "Sending patrols, stopping or searching people, or any decision about a person. A cell's number says nothing of those who live or walk there.",
      "Ranking neighbourhoods or setting prices, rents or insurance.", "Judging officers, divisions or programmes: the counts follow reporting as much as crime."),
    ...part("What it can't do", "It counts reports, not crime. What nobody reports isn't in it, and places that report more look worse.",
      "It is late: the city publishes with a delay, so the newest week it knows lies three to five weeks before the week it forecasts.",
      "Next week's counts are mostly chance. A cell's long-run average is hard to beat; it stands beside every figure.",
      "Sex offences are never shown on a map. No data of persons are used, and nothing on who lives where.",
      "If its flags brought more patrols, more would be reported there and the flags would feed themselves. This is why it isn't made for that."),
    ...part("How to read it", "“80 % between” holds the true count in about four weeks of five, if the forecast is right.",
      "A hotspot is a cell among the 5 % with the highest expected counts. It doesn't say that something will happen there: the chance of any report stands beside it."),
    ...part("How to object", "If you think that a figure is wrong, or that the forecast is used for what it must not be, tell those who run this installation, with week and cell; the address of this page holds both.",
      "Those who run it can stop the schedule; what was forecast stays on record, so that it can be held against them."));
}
