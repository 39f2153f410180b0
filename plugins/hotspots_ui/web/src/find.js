/** @import { Cell, Road, WeekForecast } from "./types" */
/** @typedef {{ name: string, kind: string, keys: string[] }} Found  a name, what it is of, and its cells as ROW,COL */
/** @typedef {{ forecast: () => WeekForecast | undefined, cellAt: (lat: number, lon: number) => Cell | null, type: (text: string, keys: Set<string> | null) => void, pick: (found: Found) => void, clear: () => void }} Around */

// One field finds places, divisions, streets, cells and points, within what the page holds already.
import { byId, make } from "./words.js";

const MOST = 8;
const POINT = /^(-?\d{1,2}\.\d+)°?[,;\s]+(-?\d{1,3}\.\d+)°?$/;
const HOUSE = /^\d+\s+(?=\D)/;
const SHORT = new Map([["boulevard", "blvd"], ["street", "st"], ["avenue", "ave"], ["freeway", "fwy"], ["road", "rd"], ["drive", "dr"], ["highway", "hwy"]]);
const bare = (/** @type {string} */ text) => text.trim().toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/\s+/g, " ");
const shorter = (/** @type {string} */ text) => bare(text).split(/[ .]+/).map((word) => SHORT.get(word) ?? word).join(" ").trim();

export class Finder {
  /** @type {Road[]} */
  roads = [];
  /** @type {Found[]} */
  found = [];
  active = -1;

  /** @param {Around} around */
  constructor(around) {
    this.around = around;
    this.field = byId("filter");
    this.list = byId("finds");
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("keydown", (event) => this.press(event));
    this.field.addEventListener("blur", () => this.close());
    // A press on the list must not take the focus from the field, which would close it.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
      if (option) this.pick(Number(option.dataset.at));
    });
  }

  reset() {
    this.roads = [];
    this.field.value = "";
    this.close();
  }

  look() {
    const text = this.field.value, wanted = bare(text);
    if (!wanted) {
      this.close();
      this.around.clear();
      return;
    }
    const all = this.search(text), cells = this.around.forecast()?.cells;
    const placed = cells?.place.flatMap((place, k) => (bare(place).includes(wanted) ? [`${cells.row[k]},${cells.col[k]}`] : [])) ?? [];
    this.around.type(text, new Set([...placed, ...all.flatMap(({ keys }) => keys)]));
    this.show(all.slice(0, MOST));
    byId("nothing").hidden = all.length + placed.length > 0;
  }

  /** @param {string} text @returns {Found[]} the names that begin with it first */
  search(text) {
    const cells = this.around.forecast()?.cells;
    if (!cells) return [];
    const point = POINT.exec(text.trim());
    if (point) {
      const cell = this.around.cellAt(Number(point[1]), Number(point[2]));
      return cell ? [{ name: `Cell at ${point[1]}, ${point[2]}`, kind: "point", keys: [`${cell.row},${cell.col}`] }] : [];
    }
    const known = new Map(cells.cell_id.map((id, k) => [id, `${cells.row[k]},${cells.col[k]}`])), number = known.get(Number(text));
    /** @type {Found[]} */
    const found = number ? [{ name: `Cell ${text.trim()}`, kind: cells.place[cells.cell_id.indexOf(Number(text))], keys: [number] }] : [];
    const street = text.trim().replace(HOUSE, "");
    const names = [
      ...grouped("division", cells.division, [...known.values()]), ...grouped("neighbourhood", cells.place, [...known.values()]),
    ].map((of) => ({ of, rank: rank(of.name, text) }));
    const streets = this.roads.flatMap(({ name, is_freeway, cells: crossed }) => {
      const keys = crossed.flatMap((id) => known.get(id) ?? []);
      return name && keys.length ? [{ of: { name, kind: is_freeway ? "freeway" : "street", keys }, rank: rank(name, street) }] : [];
    });
    const hits = [...names, ...streets].filter((hit) => hit.rank != null);
    hits.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.of.name.localeCompare(b.of.name));
    return [...found, ...hits.map((hit) => hit.of)];
  }

  /** @param {Found[]} found */
  show(found) {
    this.found = found;
    this.active = -1;
    this.list.replaceChildren(...found.map(({ name, kind, keys }, k) => make("li", { role: "option", id: `find${k}`, "data-at": k, "aria-selected": "false" },
      make("strong", {}, name), make("span", { class: "quiet" }, keys.length > 1 ? `${kind}, ${keys.length} cells` : kind))));
    this.list.hidden = !found.length;
    if (found.length) this.list.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-expanded", String(found.length > 0));
    this.field.removeAttribute("aria-activedescendant");
  }

  close() {
    byId("nothing").hidden = true;
    this.show([]);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const count = this.found.length, step = new Map([["ArrowDown", 1], ["ArrowUp", -1]]).get(event.key);
    if (step && count) this.mark((this.active + step + count + (this.active < 0 && step < 0 ? 1 : 0)) % count);
    else if (event.key === "Enter" && count) this.pick(Math.max(this.active, 0));
    else if (event.key === "Escape" && (count || this.field.value)) {
      if (!count) this.field.value = "";
      if (!count) this.around.clear();
      this.close();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }

  /** @param {number} at */
  mark(at) {
    this.active = at;
    this.list.querySelectorAll("li").forEach((option, k) => option.setAttribute("aria-selected", String(k === at)));
    this.field.setAttribute("aria-activedescendant", `find${at}`);
    byId(`find${at}`).scrollIntoView({ block: "nearest" });
  }

  /** @param {number} at */
  pick(at) {
    const found = this.found[at];
    this.field.value = found.name;
    this.close();
    this.around.type(found.name, new Set(found.keys));
    this.around.pick(found);
  }
}

/**
 * Cells by the name of their place: "Westlake (Rampart)" is in Westlake; a division's cells have its name alone.
 * @param {string} kind @param {string[]} names @param {string[]} keys
 */
function grouped(kind, names, keys) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  names.forEach((place, k) => {
    const name = kind === "division" ? place : /^(.*) \(.*\)$/.exec(place)?.[1];
    if (name) groups.set(name, [...(groups.get(name) ?? []), keys[k]]);
  });
  return [...groups].map(([name, of]) => ({ name, kind, keys: of }));
}

/** @param {string} name @param {string} text @returns {number | null} 0 where it begins with the text, 1 where it holds it */
function rank(name, text) {
  const places = [bare(name).indexOf(bare(text)), shorter(name).indexOf(shorter(text))].filter((at) => at >= 0);
  return places.length ? Number(Math.min(...places) > 0) : null;
}
