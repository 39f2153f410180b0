/** @import { Geometry, WeekLine } from "./types" */

// The views without pictures: all weeks, about.
import { date, days, list, make, range, table, whole, words } from "./words.js";

const STAGES = { forecast: "awaits reports", known: "counted", scored: "scored" };

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
