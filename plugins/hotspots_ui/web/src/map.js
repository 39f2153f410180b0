/** @import { Cell, Geometry, Shown, WeekForecast } from "./types" */
/** @typedef {[[number, number], [number, number]]} Corners  south-west and north-east */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { LAYERS, OPACITY, STREETS, hatch } from "./colours.js";
import { Names } from "./names.js";
import { figures, showReadout } from "./readout.js";
import { RoadLines } from "./roads.js";
import { tone } from "./theme.js";
import { byId, inHabit } from "./words.js";

const NUMBERED = 10;
/** @type {[number, number][]} */
const BANDS = [[5, 1.4], [2, 2.4], [1, 3.6]]; // per cent of the cells, width of their outline
const FULL_WIDTH_PX = 9; // narrower cells get thinner outlines
const CLOSEST = 13; // zoom at which a single cell is shown
const REACH_PX = 24; // as far beside a cell a tap is still meant for it
const RING_GAP_PX = 3.5; // around a cell, whose own colour stays
/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const asGeoJson = (/** @type {unknown} */ of) => /** @type {import("geojson").GeoJsonObject} */ (of);

/** @param {string} key  ROW,COL @returns {Cell} */
const cellOf = (key) => {
  const [row, col] = key.split(",").map(Number);
  return { row, col };
};

// The city's cells on a canvas, with the outlines of divisions, bands and the chosen cell.
export class CityMap {
  // What follows from the city's geometry, which the first call of setGeometry brings.
  /** @type {Geometry} */
  geometry;
  /** @type {L.LatLngBounds} */
  bounds;
  /** @type {L.GeoJSON} */
  divisions;
  /** @type {L.GeoJSON} */
  outline;
  /** @type {{ zoom: number, center: L.LatLng } | undefined} */
  fitted;
  /** @type {Shown | undefined} */
  shown;
  /** @type {Cell | null} */
  chosen = null;
  /** @type {Cell | null} */
  cursor = null; // where the keys have come to

  /** @param {HTMLElement} element @param {(cell: Cell | null) => void} onChoose  null: beside the city */
  constructor(element, onChoose) {
    this.element = element;
    this.onChoose = onChoose;
    this.map = L.map(element, {
      keyboard: false, preferCanvas: true, trackResize: false, zoomSnap: 0, minZoom: 8, maxZoom: 15, attributionControl: false,
      zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    this.renderer = L.canvas({ padding: 0.3 });
    /** @type {Map<string, L.Rectangle>} */
    this.boxes = new Map();
    this.lines = L.layerGroup().addTo(this.map);
    this.map.on("click", (event) => onChoose(this.nearest(event.latlng)));
    this.rings = L.layerGroup().addTo(this.map);
    this.names = new Names(this.map);
    this.roads = new RoadLines(this.map);
    /** @type {Set<string>} */
    this.found = new Set(); // cells that were looked for, as ROW,COL
    this.hatch = hatch();
    this.map.on("zoomend", () => this.shown && this.outlineBands(this.shown.forecast));
    this.map.on("movestart", () => this.hush());
    element.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.point(event));
    element.addEventListener("pointerleave", () => this.hush());
    element.addEventListener("keydown", (event) => event.target === element && this.press(event));
    element.addEventListener("focus", () => {
      if (!element.matches(":focus-visible")) return;
      element.scrollIntoView({ block: "nearest" });
      this.moveTo(this.start());
    });
    element.addEventListener("blur", () => this.leave());
    new ResizeObserver(() => this.resize()).observe(element);
  }

  /** @param {Geometry} geometry */
  setGeometry(geometry) {
    this.geometry = geometry;
    this.boxes.clear();
    const kept = [this.lines, this.rings, this.names.group, this.roads.group];
    this.map.eachLayer((layer) => { if (!kept.some((group) => group === layer)) this.map.removeLayer(layer); });
    this.roads.set([], 0);
    this.found.clear();
    this.bounds = L.latLngBounds([geometry.south, geometry.west], [geometry.north, geometry.east]);
    this.fit();
    if (geometry.base_map) this.layStreets(geometry.base_map.url);
    const still = { renderer: this.renderer, fill: false, interactive: false };
    this.divisions = L.geoJSON(asGeoJson(geometry.divisions), { ...still, style: () => ({ color: tone("--division"), weight: 0.8, fill: false }) });
    this.outline = L.geoJSON(asGeoJson(geometry.outline), { ...still, style: () => ({ color: tone("--border"), weight: 1.4, fill: false }) });
  }

  /**
   * Streets beneath the cells. Their server is told the page's host, as many demand, but not its
   * address, which holds week and cell.
   * @param {string} url
   */
  layStreets(url) {
    this.element.style.background = STREETS;
    L.tileLayer(url, { className: "streets", referrerPolicy: "strict-origin" }).addTo(this.map);
  }

  // Show the whole city. The end of a move puts the canvas, which a fit leaves between pixels, on them.
  fit() {
    this.map.fitBounds(this.bounds, { padding: [4, 4], animate: false }).panBy([0, 0]);
    this.fitted = { zoom: this.map.getZoom(), center: this.map.getCenter() };
  }

  // Fill the element's new size; who has zoomed or moved keeps what they look at.
  resize() {
    const isFitted = this.fitted && this.map.getZoom() === this.fitted.zoom && this.map.getCenter().equals(this.fitted.center);
    this.map.invalidateSize();
    if (isFitted) this.fit();
  }

  /** @param {number} row @param {number} col @returns {Corners} */
  box(row, col) {
    const { south, north, west, east, rows, cols } = this.geometry;
    const high = (north - south) / rows, wide = (east - west) / cols;
    return [[south + row * high, west + col * wide], [south + (row + 1) * high, west + (col + 1) * wide]];
  }

  /**
   * Colour the cells by the layer's values, and outline the forecast's bands.
   * @param {Shown} shown
   */
  draw(shown) {
    const { row, col } = shown.forecast.cells, { colour } = LAYERS[shown.layer];
    if (row.length !== this.boxes.size) {
      this.place(row, col);
      this.names.setCells(shown.forecast.cells);
    }
    // A canvas fills with a pattern as it does with a colour, though Leaflet's types don't say so.
    const unknown = /** @type {string} */ (/** @type {unknown} */ (this.hatch));
    row.forEach((_, k) => {
      const value = shown.values[k], fill = value == null ? unknown : colour(value);
      const box = this.boxes.get(`${row[k]},${col[k]}`);
      if (box && box.options.fillColor !== fill) box.setStyle({ fillColor: fill, color: fill });
    });
    this.shown = shown;
    this.hush();
    this.outlineBands(shown.forecast);
    Object.assign(this.element.dataset, { cells: this.boxes.size, layer: shown.layer });
  }

  // Take the theme's colours on; the cells get theirs when they are drawn next.
  retone() {
    this.hatch = hatch();
    this.divisions?.resetStyle();
    this.outline?.resetStyle();
    this.roads.draw(this.pixels(0, 0).width);
  }

  /** @param {import("./types").Road[]} roads */
  setRoads(roads) {
    this.roads.set(roads, this.pixels(0, 0).width);
    this.element.dataset.roads = String(roads.length);
  }

  /** @param {number[]} row @param {number[]} col */
  place(row, col) {
    this.boxes.forEach((box) => box.remove());
    this.boxes.clear();
    // See-through sides would show where they overlap.
    const look = this.geometry.base_map ? { stroke: false, fillOpacity: OPACITY } : { weight: 0.6, fillOpacity: 1 };
    row.forEach((_, k) => {
      const box = L.rectangle(this.box(row[k], col[k]), { renderer: this.renderer, interactive: false, ...look });
      box.addTo(this.map);
      this.boxes.set(`${row[k]},${col[k]}`, box);
    });
    this.divisions.addTo(this.map);
    this.outline.addTo(this.map);
  }

  /** @param {number} row @param {number} col @returns {import("./names.js").Box} of a cell */
  pixels(row, col) {
    const [[south, west], [north, east]] = this.box(row, col);
    const { x, y } = this.map.latLngToLayerPoint([north, west]), end = this.map.latLngToLayerPoint([south, east]);
    return { x, y, width: end.x - x, height: end.y - y };
  }

  /** @param {WeekForecast} forecast */
  outlineBands({ cells, clusters }) {
    this.lines.clearLayers();
    const wide = this.pixels(0, 0).width, thin = Math.min(1, wide / FULL_WIDTH_PX);
    for (const [percent, width] of BANDS) {
      const inside = new Set(cells.row.flatMap((row, k) => (cells.band[k] && cells.band[k] <= percent ? [`${row},${cells.col[k]}`] : [])));
      const sides = this.sides(inside), line = (/** @type {string} */ color, /** @type {number} */ weight) => L.polyline(sides, { renderer: this.renderer, color, weight, interactive: false });
      // A halo beneath, so that it is seen on dark cells and on light ones.
      line(tone("--halo"), thin * (width + 1.6)).addTo(this.lines);
      line(tone("--accent"), thin * width).addTo(this.lines);
    }
    this.drawRings();
    this.roads.draw(wide);
    const numbered = clusters.slice(0, NUMBERED);
    this.names.draw((row, col) => this.pixels(row, col), numbered.map(({ peak_row, peak_col }) => {
      const { x, y, width } = this.pixels(peak_row, peak_col);
      return { x: x + width, y: y - 14, width: 20, height: 18 };
    }));
    for (const { cluster, peak_row, peak_col } of numbered) {
      const [, [north, east]] = this.box(peak_row, peak_col);
      const icon = L.divIcon({ className: "cluster", html: String(Number(cluster)), iconSize: [22, 18], iconAnchor: [-2, 14] });
      L.marker([north, east], { icon, interactive: false, keyboard: false }).addTo(this.lines);
    }
  }

  /**
   * The sides between cells inside and outside a set.
   * @param {Set<string>} inside
   */
  sides(inside) {
    return [...inside].flatMap((key) => {
      const [row, col] = key.split(",").map(Number), [[s, w], [n, e]] = this.box(row, col);
      const open = (/** @type {number} */ r, /** @type {number} */ c) => !inside.has(`${r},${c}`);
      /** @type {(false | Corners)[]} */
      const sides = [
        open(row + 1, col) && [[n, w], [n, e]], open(row - 1, col) && [[s, w], [s, e]],
        open(row, col - 1) && [[s, w], [n, w]], open(row, col + 1) && [[s, e], [n, e]],
      ];
      return sides.filter((side) => side !== false);
    });
  }

  /** @param {{ lat: number, lng: number }} point @returns {Cell | null} */
  cellAt({ lat, lng }) {
    if (!this.geometry) return null;
    const { south, north, west, east, rows, cols } = this.geometry;
    const row = Math.floor((lat - south) / (north - south) * rows), col = Math.floor((lng - west) / (east - west) * cols);
    return this.boxes.has(`${row},${col}`) ? { row, col } : null;
  }

  /**
   * The cell at a point, or else the one whose middle is nearest, if a finger reaches it.
   * @param {L.LatLng} point
   * @returns {Cell | null}
   */
  nearest(point) {
    const at = this.map.latLngToContainerPoint(point);
    return this.cellAt(point) ?? this.least(({ row, col }) => {
      const away = this.map.latLngToContainerPoint(this.middle(row, col)).distanceTo(at);
      return away < REACH_PX ? away : null;
    });
  }

  /**
   * The cell with the least cost; null counts as none.
   * @param {(cell: Cell) => number | null} cost
   * @returns {Cell | null}
   */
  least(cost) {
    let found = null, least = Infinity;
    for (const key of this.boxes.keys()) {
      const cell = cellOf(key), of = cost(cell);
      if (of != null && of < least) [found, least] = [cell, of];
    }
    return found;
  }

  /** @param {number} row @param {number} col */
  middle(row, col) {
    return L.latLngBounds(this.box(row, col)).getCenter();
  }

  // Where the keys begin: the chosen cell, or the highest-ranked one.
  start() {
    const cells = this.shown?.forecast.cells, k = cells ? cells.rank.indexOf(1) : -1;
    return this.chosen ?? (cells && k >= 0 ? { row: cells.row[k], col: cells.col[k] } : null);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const step = STEPS[event.key], from = this.cursor ?? this.start();
    if (!from) return;
    if (step) this.moveTo(this.cursor ? this.next(from, step) : from);
    else if (event.key === "Enter" || event.key === " ") this.onChoose(from);
    else if (event.key === "+" || event.key === "=") this.map.zoomIn();
    else if (event.key === "-") this.map.zoomOut();
    else return;
    event.preventDefault();
  }

  /**
   * The next cell that way, rather straight on than near; where there is none, the same cell.
   * @param {Cell} from
   * @param {[number, number]} step
   */
  next(from, [up, right]) {
    return this.least(({ row, col }) => {
      const along = (row - from.row) * up + (col - from.col) * right;
      const aside = Math.abs((row - from.row) * right) + Math.abs((col - from.col) * up);
      return along > 0 ? along + 3 * aside : null;
    }) ?? from;
  }

  /** @param {Cell | null} cell  that the keys come to: shown, and said */
  moveTo(cell) {
    if (!cell) return;
    this.cursor = cell;
    this.element.dataset.cursor = `${cell.row},${cell.col}`;
    this.show(cell);
    this.drawRings();
    const lines = this.tell(cell);
    byId("spoken").textContent = inHabit(lines.join(". "));
    showReadout(byId("readout"), lines, this.map.latLngToContainerPoint(this.middle(cell.row, cell.col)), this.element);
  }

  leave() {
    this.cursor = null;
    delete this.element.dataset.cursor;
    this.hush();
    this.drawRings();
  }

  /** @param {PointerEvent} event */
  point(event) {
    const at = this.map.mouseEventToContainerPoint(event), cell = this.cellAt(this.map.containerPointToLatLng(at));
    if (cell && event.buttons === 0) showReadout(byId("readout"), this.tell(cell), at, this.element);
    else this.hush();
  }

  /** @param {Cell} cell */
  tell({ row, col }) {
    const cells = this.shown?.forecast.cells;
    const k = cells ? cells.row.findIndex((r, i) => r === row && cells.col[i] === col) : -1;
    return this.shown && k >= 0 ? figures(this.shown, k) : [];
  }

  hush() {
    byId("readout").hidden = true;
    byId("spoken").textContent = "";
  }

  /** @param {Cell} cell  to be brought into sight */
  show({ row, col }) {
    this.map.panInside(this.middle(row, col), { padding: [24, 24], animate: false });
  }

  /** @param {string[]} keys  cells that were looked for, as ROW,COL: shown from near, and outlined; none: the whole city */
  find(keys) {
    this.found = new Set(keys);
    const cells = keys.map(cellOf);
    if (cells.length) {
      const corners = cells.map(({ row, col }) => L.latLngBounds(this.box(row, col)));
      this.map.fitBounds(corners.reduce((all, of) => all.extend(of)), { padding: [40, 40], maxZoom: CLOSEST, animate: false });
    } else this.fit();
    this.drawRings();
  }

  /** @param {Cell | null} cell */
  choose(cell) {
    this.chosen = cell;
    this.drawRings();
  }

  // Around a cell and not over it, so that its colour is seen.
  drawRings() {
    this.rings.clearLayers();
    const ring = (/** @type {Cell} */ cell, /** @type {string} */ color, /** @type {string | undefined} */ dashArray) => {
      const [[south, west], [north, east]] = this.box(cell.row, cell.col), gap = RING_GAP_PX;
      const low = this.map.latLngToLayerPoint([south, west]), high = this.map.latLngToLayerPoint([north, east]);
      const bounds = L.latLngBounds(this.map.layerPointToLatLng([low.x - gap, low.y + gap]), this.map.layerPointToLatLng([high.x + gap, high.y - gap]));
      const still = { renderer: this.renderer, fill: false, interactive: false };
      L.rectangle(bounds, { ...still, color: tone("--halo"), weight: 6 }).addTo(this.rings);
      L.rectangle(bounds, { ...still, color, weight: 3, dashArray }).addTo(this.rings);
    };
    if (this.found.size > 1) {
      const sides = this.sides(this.found);
      L.polyline(sides, { renderer: this.renderer, interactive: false, color: tone("--halo"), weight: 5 }).addTo(this.rings);
      L.polyline(sides, { renderer: this.renderer, interactive: false, color: tone("--chosen"), weight: 2.5, dashArray: "6 4" }).addTo(this.rings);
    }
    if (this.chosen) ring(this.chosen, tone("--chosen"), undefined);
    if (this.cursor) ring(this.cursor, tone("--ink"), "4 3");
  }

  /**
   * Where a cell's middle lies on the screen, for those who point.
   * @param {number} row
   * @param {number} col
   */
  pointOf(row, col) {
    const at = this.map.latLngToContainerPoint(this.middle(row, col));
    const { left, top } = this.element.getBoundingClientRect();
    return { x: left + at.x, y: top + at.y };
  }
}
