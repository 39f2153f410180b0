/** @import { AreaHits, Band, RecentSkill, Scores } from "./types" */

// "Is it any good?": skill against baselines, hit rates, the city's total, calibration.
import { askOnce } from "./api.js";
import { skillInterval } from "./bootstrap.js";
import * as charts from "./charts.js";
import { date, inHabit, make, percent, table, time, whole, words } from "./words.js";

/** @type {Band[]} */
const BANDS = [50, 80, 95];
const FEW = 50, AREAS = [1, 2, 5, 10, 20], REFERENCE = "long_run_mean";
/** @type {Record<string, string>} */
const NAMES = { long_run_mean: "long-run average", last_week: "last known week", mean_4: "average of 4 weeks", mean_20: "average of 20 weeks",
  mean_52: "average of 52 weeks", ewma_kernel: "discounted average", kde: "smoothed last year", poisson_glm: "regression (GLM)", boosted_trees: "boosted trees", zero: "nothing anywhere" };
const FEW_WEEKS = "It takes 13 weeks to say how much of that is chance.";
/** @param {{ low: number | null, high: number | null }} of */
const interval = ({ low, high }) => (low == null ? percent(low) : `${percent(low, 1)} to ${percent(high, 1)}`);
/** @param {string} name */
const called = (name) => (name === "forecast" ? "this forecast" : NAMES[name] || words(name));
// What a chart's marks mean: [class, words].
/** @param {[string, string][]} keys */
const legend = (...keys) => make("ul", { class: "scale" }, keys.map(([mark, text]) => make("li", {}, make("span", { class: `mark ${mark}` }), text)));
/** @param {(number | null)[]} values */
const mean = (values) => {
  const known = values.filter((v) => v != null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
};

/**
 * Skill is 1 - deviance / the baseline's: of each week, and of the weeks up to it together, by date.
 * @param {string[]} weeks
 * @param {(number | null)[]} ours
 * @param {(number | null)[]} theirs
 * @param {RecentSkill} recent
 */
function skillOf(weeks, ours, theirs, recent) {
  const place = new Map(recent.weeks.map((week, k) => [week, k]));
  const at = (/** @type {number[]} */ values) => weeks.map((week) => values[place.get(week) ?? -1] ?? null);
  return {
    weeks, at: weeks.map(time), weekly: ours.map((value, k) => ratio(value, theirs[k])),
    recent: at(recent.skill), low: at(recent.low), high: at(recent.high),
  };
}

/**
 * The skill of a period, over those of its weeks that both are scored for.
 * @param {string[]} weeks
 * @param {(number | null)[]} ours
 * @param {(number | null)[]} theirs
 */
function skillIn(weeks, ours, theirs) {
  const both = weeks.flatMap((_, k) => (ours[k] == null || theirs[k] == null ? [] : [{ ours: ours[k], theirs: theirs[k] }]));
  const sum = (/** @type {"ours" | "theirs"} */ of) => both.reduce((all, week) => all + week[of], 0);
  const { low, high } = skillInterval(both.map((week) => week.ours), both.map((week) => week.theirs));
  return { weeks, ours, theirs, low, high, skill: ratio(sum("ours"), sum("theirs")), count: both.length, won: both.filter((week) => week.ours < week.theirs).length };
}

/** @param {string} baseline @param {ReturnType<typeof skillIn>} of */
function sayPeriod(baseline, { weeks, skill, low, high, count, won }) {
  const period = `From ${date(weeks[0])} to ${date(weeks[weeks.length - 1])}`;
  if (skill == null) return `${period} no week is scored for both the forecast and the ${called(baseline)}.`;
  const chance = low == null ? ` ${FEW_WEEKS}` : "", within = low == null ? "" : ` (95 % interval of the skill ${interval({ low, high })})`;
  return `${period} the forecast’s error was ${percent(Math.abs(skill), 1)} ${skill >= 0 ? "lower" : "higher"} than that of the ${called(baseline)}${within}; it was closer in ${won} of ${count} ${count === 1 ? "week" : "weeks"}.${chance}`;
}

/** @param {number | null} ours @param {number | null} theirs */
const ratio = (ours, theirs) => (ours != null && theirs ? 1 - ours / theirs : null);

/** @param {HTMLElement} section @param {string} city */
export async function show(section, city) {
  const [found, byArea] = await Promise.all([askOnce("scores", { city }), askOnce("scores/areas", { city })]);
  section.replaceChildren(make("h2", {}, "Is it any good?"));
  if (!found.weeks.length) {
    section.append(make("p", {}, "No forecast has been scored yet. A week is scored once the city has published its reports, about three weeks after it ends."));
    return;
  }
  section.append(...skillPart(found), ...hitPart(found), ...areaPart(byArea), ...totalPart(found), ...calibrationPart(found));
}

/** @param {Scores} scores */
function skillPart({ weeks, scores, comparisons }) {
  const deviance = scores.poisson_deviance, figure = make("figure");
  const choice = make("select", { id: "baseline", onchange: () => draw() },
    comparisons.map(({ baseline }) => make("option", { value: baseline }, called(baseline))));
  const ends = [{ id: "from", chosen: 0 }, { id: "to", chosen: weeks.length - 1 }].map(({ id, chosen }) =>
    make("select", { id, onchange: () => draw() }, weeks.map((week, k) => make("option", { value: week, selected: k === chosen }, date(week)))));
  const period = make("p", { id: "period", role: "status" });
  const draw = () => {
    const found = comparisons.find((c) => c.baseline === choice.value), [from, to] = ends.map((end) => weeks.indexOf(end.value));
    if (!found) return;
    const theirs = deviance[found.baseline], of = skillIn(weeks.slice(from, to + 1), deviance.forecast.slice(from, to + 1), theirs.slice(from, to + 1));
    if (of.count === found.weeks) Object.assign(of, { low: found.low, high: found.high }); // all weeks: the figure given elsewhere
    period.textContent = inHabit(to < from ? "The period ends before it begins: choose a later last week." : sayPeriod(found.baseline, of));
    if (to < from) return;
    const all = skillOf(of.weeks, of.ours, of.theirs, found.recent);
    charts.skill(figure, all, `Skill against the ${called(found.baseline)}: ${percent(of.skill, 1)} over ${of.count} weeks`);
  };
  const best = comparisons.find((c) => c.baseline === REFERENCE) || comparisons[0];
  if (!best) return [];
  queueMicrotask(draw);
  const sure = best.low == null ? "" : best.low > 0 ? "more than chance explains" : (best.high ?? 0) < 0 ? "worse than it, and more than chance explains" : "which chance alone could explain";
  return [
    make("p", { class: "lead" }, `Over ${best.weeks} scored weeks the forecast's error was ${percent(Math.abs(best.skill), 1)} ${best.skill >= 0 ? "lower" : "higher"} than that of the ` +
      `${called(best.baseline)} of each cell${best.low == null ? `. ${FEW_WEEKS}` : ` (95 % interval ${interval(best)}), ${sure}.`} It was closer in ${best.weeks_won} of ${best.weeks} weeks.`),
    make("h3", {}, "Skill over time"), make("p", {}, make("label", {}, "Against the ", choice), ", ", make("label", {}, "from the week of ", ends[0]), " ", make("label", {}, "to that of ", ends[1]), "."), period, make("p", {}, "Above the dashed line the forecast was the better one; below, the worse. Where the band covers the dashed line, chance alone could explain the difference; it begins at the 13th scored week."),
    legend(["dot grey", "each week"], ["stroke blue", "the 26 weeks up to it, together"], ["area blue", "its 95 % interval"], ["stroke dashed", "no better than the baseline"]), figure,
    table("Against each baseline, all scored weeks", ["Baseline", ">Skill", ">95 % interval", ">Weeks won"],
      comparisons.map((c) => [called(c.baseline), percent(c.skill, 1), interval(c), `${c.weeks_won} of ${c.weeks}`]),
      { note: "Skill is 1 minus the Poisson deviance over the baseline's. Intervals by a block bootstrap over weeks." }),
  ];
}

/** @param {Scores} scores */
function hitPart({ scores }) {
  const shown = AREAS.filter((area) => scores[`hit_rate_${area}`]);
  const models = shown.length ? Object.keys(scores[`hit_rate_${shown[0]}`]).sort((a, b) => Number(b === "forecast") - Number(a === "forecast")) : [];
  return [table("Share of reports that fell in the highest-ranked cells, mean of all scored weeks", ["Ranked by", ...shown.map((area) => `>top ${area} %`)],
      models.map((model) => [called(model), ...shown.map((area) => percent(mean(scores[`hit_rate_${area}`][model] || []), 1))]))];
}

// Hits by division, for a share of cells flagged; where nothing is flagged, all is missed.
/** @param {AreaHits} hits */
function areaPart({ weeks, areas }) {
  if (!areas.length) return [];
  const tops = [...new Set(areas.map((area) => area.top_percent))].toReversed();
  const choice = make("select", { id: "top", onchange: () => draw() }, tops.map((top) => make("option", { value: top }, `${top} %`)));
  const place = make("div", { id: "areas" }), among = weeks.length === 1 ? "one scored week" : `${weeks.length} scored weeks`;
  const draw = () => place.replaceChildren(table(`Hits by area, top ${choice.value} % of cells, ${among}`,
    ["Area", ">Cells a week", ">Expected", ">Counted", ">Missed", ">Hit rate"],
    areas.filter((area) => area.top_percent === +choice.value).map((area) => [area.name === "city" ? "Whole city" : area.name,
      (area.flagged / weeks.length).toFixed(1), whole(area.expected), whole(area.observed), whole(area.reports - area.observed), percent(area.hit_rate, 1)]),
    { note: "Expected and counted: reports in the area's flagged cells. Missed: its other reports. Hit rate: counted over both. Counts are as known now." }));
  draw();
  return [make("h3", {}, "Where it hits and misses"),
    make("p", {}, make("label", {}, "Flagged are the city's highest-ranked ", choice), " of cells. Where few of an area's cells are among them, most of its reports are missed."), place];
}

/** @param {Scores} scores */
function totalPart({ totals }) {
  const figure = make("figure"), weeks = totals.map((t) => ({ ...t, at: time(t.week) }));
  const known = weeks.filter((w) => w.observed != null), text = make("p", {}), key = make("div");
  const choice = make("select", { id: "band", onchange: () => draw() }, BANDS.map((band) => make("option", { value: band, selected: band === 80 }, `${band} %`)));
  const draw = () => {
    const band = /** @type {Band} */ (+choice.value), out = known.filter((week) => charts.isOut(week, band)).length;
    const says = `The count fell outside the ${band} % band in ${out} of ${known.length} known weeks`;
    text.textContent = inHabit(`${says}: ${percent(known.length ? 1 - out / known.length : null)} inside. If the band is right, about ${band} % should be.`);
    key.replaceChildren(legend(["stroke purple", "forecast"], ["area", `${band} % band`], ["dot blue", "counted, inside the band"], ["dot orange", "counted, outside it"]));
    charts.totals(figure, weeks, band, says);
  };
  queueMicrotask(draw);
  return [make("div", { id: "totals" }, make("h3", {}, "The city's total"), make("p", {}, make("label", {}, "Band that should hold ", choice), " of the counts."), text, key, figure)];
}

/** @param {Scores} scores */
function calibrationPart({ reliability }) {
  if (!reliability.length) return [];
  const figure = make("figure", { class: "square" });
  const enough = reliability.filter((bin) => bin.cells >= FEW);
  const cells = reliability.reduce((sum, bin) => sum + bin.cells, 0);
  queueMicrotask(() => charts.reliability(figure, enough, "Chance given against how often it came true"));
  return [make("h3", {}, "Do the chances hold?"),
    make("p", {}, `Of the cells that were given a chance of 30 %, about 30 % should have had a report: points on the dashed line are right. ${cells.toLocaleString("en")} forecasts of the last year; a point stands for ${FEW} or more.`),
    make("div", { class: "split" }, figure, table("Chance of any report in a cell", [">Forecasts", ">Chance given", ">Came true"],
      reliability.map((bin) => [bin.cells.toLocaleString("en"), percent(bin.chance, 1), percent(bin.share, 1)])))];
}
