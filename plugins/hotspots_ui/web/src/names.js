/** @import { CellColumns } from "./types" */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box  in pixels of the map, from its top left */
import L from "leaflet";
import { make } from "./words.js";

const LINE_PX = 14, SPARE_PX = 2;

// Divisions' names, each within its own cells; one that doesn't fit at this zoom is left out.
export class Names {
  /** @type {Map<string, Map<number, Set<number>>>} */
  divisions = new Map(); // name -> row -> columns
  /** @type {Map<string, number>} */
  widths = new Map();

  /** @param {L.Map} map */
  constructor(map) {
    this.map = map;
    this.group = L.layerGroup().addTo(map);
  }

  /** @param {CellColumns} cells */
  setCells({ row, col, division }) {
    this.divisions = new Map();
    division.forEach((name, k) => {
      const rows = this.divisions.get(name) ?? new Map();
      rows.set(row[k], (rows.get(row[k]) ?? new Set()).add(col[k]));
      this.divisions.set(name, rows);
    });
  }

  /**
   * @param {(row: number, col: number) => Box} boxOf  a cell's
   * @param {Box[]} taken  where other words stand
   */
  draw(boxOf, taken) {
    this.group.clearLayers();
    for (const [name, rows] of this.divisions) {
      const box = this.room(rows, this.widthOf(name), boxOf, taken);
      if (!box) continue;
      const icon = L.divIcon({ className: "place", html: make("span", { "aria-hidden": "true" }, name), iconSize: [box.width, LINE_PX] });
      const at = this.map.layerPointToLatLng([box.x + box.width / 2, box.y + box.height / 2]);
      L.marker(at, { icon, interactive: false, keyboard: false }).addTo(this.group);
    }
  }

  /**
   * The widest stretch of a division's cells that is high enough for a line and free, or nothing.
   * @param {Map<number, Set<number>>} rows
   * @param {number} width
   * @param {(row: number, col: number) => Box} boxOf
   * @param {Box[]} taken
   */
  room(rows, width, boxOf, taken) {
    const cell = boxOf([...rows.keys()][0], 0), high = Math.ceil(LINE_PX / cell.height);
    let found = null;
    for (const low of rows.keys()) {
      for (const [from, to] of stretches(rows, low, high)) {
        const top = boxOf(low + high - 1, from), right = boxOf(low, to);
        const whole = { x: top.x, y: top.y, width: right.x + right.width - top.x, height: right.y + right.height - top.y };
        const box = { ...whole, x: whole.x + (whole.width - width) / 2, width };
        if (whole.width >= width + SPARE_PX && whole.width > (found?.room ?? 0) && !taken.some((other) => meet(box, other))) found = { box, room: whole.width };
      }
    }
    return found?.box;
  }

  /** @param {string} name */
  widthOf(name) {
    const held = this.widths.get(name);
    if (held) return held;
    const probe = this.map.getContainer().appendChild(make("span", { class: "place" }, name)), width = probe.getBoundingClientRect().width;
    probe.remove();
    this.widths.set(name, width);
    return width;
  }
}

/**
 * Columns, from and to, that so many rows from one on have in common without a gap.
 * @param {Map<number, Set<number>>} rows @param {number} low @param {number} high
 */
function stretches(rows, low, high) {
  const common = [...rows.get(low) ?? []].filter((col) => Array.from({ length: high }, (_, k) => rows.get(low + k)).every((cols) => cols?.has(col))).sort((a, b) => a - b);
  /** @type {[number, number][]} */
  const found = [];
  for (const col of common) {
    const last = found.at(-1);
    if (last && last[1] === col - 1) last[1] = col;
    else found.push([col, col]);
  }
  return found;
}

/** @param {Box} a @param {Box} b */
const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
