/** @import { Shown } from "./types" */

// A cell's figures in a few lines, for those who point at it or come to it by keys.
import { between, make, number, signed, whole } from "./words.js";

/** @param {Shown} shown @param {number} k  the cell's place in the forecast @returns {string[]} */
export function figures({ forecast, outcome, layer, values, missing, isGap }, k) {
  const { cells } = forecast, name = `Cell ${cells.cell_id[k]}, ${cells.place[k]}`, value = values[k];
  if (isGap) return [name, "No forecast for this week"];
  return [
    name,
    `${number(cells.mean[k])} reports expected`,
    `With a chance of 80 %, between ${between({ q10: cells.q10[k], q90: cells.q90[k] })}`,
    `Rank ${whole(cells.rank[k])} of ${whole(cells.row.length)}`,
    `Long-run average ${number(cells.long_run_mean[k])} a week`,
    outcome ? `Counted: ${whole(outcome.cells[k])}` : "",
    layer === "change" && !missing ? `${signed(value)} since the week before` : "",
  ].filter(Boolean);
}

/**
 * @param {HTMLElement} box @param {string[]} lines
 * @param {{ x: number, y: number }} at  within the map or chart
 * @param {HTMLElement} [around]  the map or chart, where the box's parent holds more than it
 */
export function showReadout(box, lines, { x, y }, around) {
  const [name, ...rest] = lines, parent = /** @type {HTMLElement} */ (box.parentElement);
  box.replaceChildren(make("strong", {}, name), ...rest.map((line) => make("span", {}, line)));
  box.hidden = false;
  const { clientWidth, clientHeight } = around ?? parent, { offsetWidth, offsetHeight } = box, gap = 14;
  box.style.left = `${x + gap + offsetWidth < clientWidth ? x + gap : Math.max(0, x - gap - offsetWidth)}px`;
  box.style.top = `${Math.max(0, Math.min(y + gap, clientHeight - offsetHeight))}px`;
}
