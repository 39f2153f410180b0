/** @import { Cell, Geometry, LayerName, Value, WeekForecast } from "./types" */
/** @typedef {[[number, number], [number, number]]} Corners  south-west and north-east */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { LAYERS, OPACITY, STREETS } from "./colours.js";

const OUTLINE = "#00606b", NUMBERED = 10;
/** @type {[number, number][]} */
const BANDS = [[5, 1.4], [2, 2.4], [1, 3.6]]; // per cent of the cells, width of their outline
const FULL_WIDTH_PX = 9; // narrower cells get thinner outlines
const REACH_PX = 24; // as far beside a cell a tap is still meant for it

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
  /** @type {WeekForecast | undefined} */
  shown;
  /** @type {L.Rectangle | undefined} */
  ring;

  /** @param {HTMLElement} element @param {(cell: Cell | null) => void} onChoose  null: beside the city */
  constructor(element, onChoose) {
    this.element = element;
    this.map = L.map(element, {
      preferCanvas: true, trackResize: false, zoomSnap: 0, minZoom: 8, maxZoom: 15, attributionControl: false,
      zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    });
    this.renderer = L.canvas({ padding: 0.3 });
    /** @type {Map<string, L.Rectangle>} */
    this.boxes = new Map();
    this.lines = L.layerGroup().addTo(this.map);
    this.map.on("click", (event) => onChoose(this.nearest(event.latlng)));
    this.map.on("zoomend", () => this.shown && this.outlineBands(this.shown));
    new ResizeObserver(() => this.resize()).observe(element);
  }

  /** @param {Geometry} geometry */
  setGeometry(geometry) {
    this.geometry = geometry;
    this.boxes.clear();
    this.map.eachLayer((layer) => { if (layer !== this.lines) this.map.removeLayer(layer); });
    this.bounds = L.latLngBounds([geometry.south, geometry.west], [geometry.north, geometry.east]);
    this.fit();
    if (geometry.base_map) this.layStreets(geometry.base_map.url);
    const still = { renderer: this.renderer, fill: false, interactive: false };
    this.divisions = L.geoJSON(asGeoJson(geometry.divisions), { ...still, style: { color: "#55524c", weight: 0.8, fill: false } });
    this.outline = L.geoJSON(asGeoJson(geometry.outline), { ...still, style: { color: "#222", weight: 1.4, fill: false } });
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
   * Colour the cells by `values`, in the order of the forecast's cells, and outline its bands.
   * @param {WeekForecast} forecast
   * @param {LayerName} layer
   * @param {Value[]} values
   */
  draw(forecast, layer, values) {
    const { row, col } = forecast.cells, { colour } = LAYERS[layer];
    const isNew = row.length !== this.boxes.size;
    if (isNew) this.place(row, col);
    row.forEach((_, k) => {
      const box = this.boxes.get(`${row[k]},${col[k]}`), fill = colour(values[k]);
      if (box && box.options.fillColor !== fill) box.setStyle({ fillColor: fill, color: fill });
    });
    this.shown = forecast;
    this.outlineBands(forecast);
    Object.assign(this.element.dataset, { cells: this.boxes.size, layer, week: forecast.run.target_week });
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

  /** @param {WeekForecast} forecast */
  outlineBands({ cells, clusters }) {
    this.lines.clearLayers();
    const [[south, west], [north, east]] = this.box(0, 0);
    const wide = this.map.latLngToLayerPoint([south, east]).x - this.map.latLngToLayerPoint([north, west]).x;
    const thin = Math.min(1, wide / FULL_WIDTH_PX);
    for (const [percent, width] of BANDS) {
      const inside = new Set(cells.row.flatMap((row, k) => (cells.band[k] && cells.band[k] <= percent ? [`${row},${cells.col[k]}`] : [])));
      const sides = this.sides(inside), line = (/** @type {string} */ color, /** @type {number} */ weight) => L.polyline(sides, { renderer: this.renderer, color, weight, interactive: false });
      // White beneath, so that it is seen on dark cells and on light ones.
      line("#fff", thin * (width + 1.6)).addTo(this.lines);
      line(OUTLINE, thin * width).addTo(this.lines);
    }
    this.ring?.bringToFront();
    for (const { cluster, peak_row, peak_col } of clusters.slice(0, NUMBERED)) {
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

  /**
   * The cell at a point, or else the one whose middle is nearest, if a finger reaches it.
   * @param {L.LatLng} point
   * @returns {Cell | null}
   */
  nearest(point) {
    if (!this.geometry) return null;
    const { south, north, west, east, rows, cols } = this.geometry;
    const row = Math.floor((point.lat - south) / (north - south) * rows), col = Math.floor((point.lng - west) / (east - west) * cols);
    if (this.boxes.has(`${row},${col}`)) return { row, col };
    const at = this.map.latLngToContainerPoint(point);
    let found = null, least = REACH_PX;
    for (const [key, box] of this.boxes) {
      const away = this.map.latLngToContainerPoint(box.getBounds().getCenter()).distanceTo(at);
      if (away < least) [found, least] = [key, away];
    }
    return found === null ? null : cellOf(found);
  }

  /** @param {Cell | null} cell */
  choose(cell) {
    this.ring?.remove();
    if (!cell) return;
    const style = { renderer: this.renderer, color: "#0b3bd8", weight: 4, fill: false, interactive: false };
    this.ring = L.rectangle(this.box(cell.row, cell.col), style).addTo(this.map);
  }

  /**
   * Where a cell's middle lies on the screen, for those who point.
   * @param {number} row
   * @param {number} col
   */
  pointOf(row, col) {
    const at = this.map.latLngToContainerPoint(L.latLngBounds(this.box(row, col)).getCenter());
    const { left, top } = this.element.getBoundingClientRect();
    return { x: left + at.x, y: top + at.y };
  }
}
