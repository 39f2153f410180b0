/** @import { Check, WeekHealth, WeekLine } from "./types" */

// "Can I trust it?": a verdict, what was lost where, and the checks.
import { leaveFrame } from "./address.js";
import { askOnce } from "./api.js";
import { addressOf } from "./site.js";
import { airflowTheme } from "./theme.js";
import { date, days, make, percent, table, whole, words } from "./words.js";

/** @type {Record<string, string>} */
const OUTCOMES = { pass: "✓ passed", warn: "⚠ warning", quarantine: "⚠ rows set aside" };
const ORDER = ["stop", "warn", "quarantine"];
const TABLES = new Map([["incidents", "Reports"], ["weather_daily", "Weather"]]);

/** @param {HTMLElement} section @param {string} city @param {string} week @param {WeekLine} line */
export async function show(section, city, week, line) {
  const found = await askOnce(`weeks/${week}/health`, { city });
  const { run, checks, verdict, tally, notes } = found;
  section.replaceChildren(
    make("h2", {}, "Can I trust it?"),
    make("p", { id: "verdict", "data-level": verdict.level }, verdict.sentence),
    ...(verdict.besides.length ? [make("p", {}, "Besides:"), make("ul", { id: "besides" }, verdict.besides.map((reason) => make("li", {}, reason)))] : []),
    make("p", { class: "quiet" }, `Week of ${days(week)}. The verdict rests on the checks of the data, the rows lost, the data’s age and source, and how past forecasts came true.`),
    links(found, city),
    ...(found.stale_detail ? [make("h3", {}, "Why there is no newer forecast"), make("pre", { id: "stale-detail", tabindex: 0 }, found.stale_detail)] : []),
    lossPart(found),
    ...checkPart(checks),
    ...(notes.length ? [make("h3", {}, "What the run had to recover from"), make("ul", {}, notes.map((note) => make("li", {}, note)))] : []),
    make("h3", {}, "What it was made from"),
    make("div", { class: "tiles" }, [
      ["Source", run.provenance], ["Newest report", `${run.snapshot_age_days} days old`], ["Whole weeks up to", date(run.edge_week)],
      ["Looks ahead", `${run.horizon} weeks`], ["Rows in", whole(line.rows_in)], ["Model", `${run.model}, ${words(run.training_mode)}`],
    ].map(([name, value]) => make("div", { class: "tile" }, make("span", {}, name), make("strong", {}, value)))),
    fold("Where every row went", table("Rows by what became of them", ["Rows", ">Number"], Object.entries(tally).map(([name, rows]) => [name, whole(rows)]))),
    fold("Versions and hashes", table("What made it", ["Part", "Version or hash"], [
      ["Forecast", make("code", {}, run.forecast_sha256)], ["Input cube", make("code", {}, found.input_sha256)], ["Model", make("code", {}, found.model_sha256)],
      ["Settings", make("code", {}, found.config_sha256)], ["Code", found.code_version], ["Stored", run.created_at.replace("T", " ").replace("Z", " UTC")],
    ])));
}

/** @param {HTMLElement} section */
export const showNone = (section) => section.replaceChildren(
  make("h2", {}, "Can I trust it?"), make("p", { class: "lead" }, "There is no forecast for this week: none was issued, so there is nothing to check."));

/** @param {string} title @param {HTMLElement} content */
const fold = (title, content) => make("details", {}, make("summary", {}, title), content);

/** @param {WeekHealth} found */
function lossPart({ losses }) {
  const lost = table("What was lost where", ["What became of them", ">Rows", ">Of all rows in"],
    losses.map(({ what, rows, share }) => [what, whole(rows), share < 0.00005 ? "under 0.01 %" : percent(share, 2)]),
    { note: losses.length ? "" : "No row was lost or moved." });
  lost.id = "losses";
  return lost;
}

/** @param {Check[]} checks */
function checkPart(checks) {
  const rank = (/** @type {Check} */ { outcome }) => (outcome === "pass" ? ORDER.length : ORDER.indexOf(outcome));
  const sorted = checks.toSorted((a, b) => rank(a) - rank(b)), bad = checks.filter((check) => check.outcome !== "pass").length;
  return [make("h3", {}, "Checks of the data"),
    make("p", {}, `${checks.length - bad} of ${checks.length} checks of its data passed${bad ? `; ${bad} did not, and stand first` : ""}.`),
    ...sorted.map((check) => make("details", { class: "check", "data-outcome": check.outcome, open: check.outcome !== "pass" },
      make("summary", {}, make("strong", {}, OUTCOMES[check.outcome] || "✗ failed"), ` ${TABLES.get(check.table) ?? words(check.table)}${check.outcome === "pass" ? "" : ", should hold"}: ${check.meaning}`),
      make("dl", {}, facts(check).map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]))))];
}

/** @param {Check} check @returns {string[][]} */
const facts = ({ name, outcome, found, expected, rows, action }) => [
  ["Found", found], ["Expected", expected], ...(rows ? [["Rows", whole(rows)]] : []), ...(action && outcome !== "pass" ? [["What to do", action]] : []),
  ["Name of the check", words(name)],
];

// Airflow's own pages lie beside this one, which may stand in a frame of theirs.
/** @param {WeekHealth} found @param {string} city */
function links(found, city) {
  const outside = { onclick: leaveFrame }, theme = airflowTheme();
  /** @type {Record<string, string>} */
  const asked = theme ? { city, theme } : { city };
  const all = [
    found.has_card && make("a", { href: addressOf(`models/${encodeURIComponent(found.model_version)}/card.html`, asked) }, `Card of model ${found.model_version}`),
    make("a", { href: addressOf(`weeks/${found.run.target_week}/checks.html`, asked) }, "All checks on one page"),
    found.airflow_run && make("a", { href: runAddress(found.airflow_run), ...outside }, "The run in Airflow"),
    found.data_docs && make("a", { href: found.data_docs, ...outside }, "Great Expectations’ own report (Data Docs)"),
  ].filter((link) => link instanceof HTMLElement);
  return make("ul", { class: "links" }, all.map((link) => make("li", {}, link)));
}

/** @param {string} run  DAG/RUN */
function runAddress(run) {
  const [dag, id] = run.split("/");
  return `../dags/${dag}/runs/${encodeURIComponent(id)}`;
}
