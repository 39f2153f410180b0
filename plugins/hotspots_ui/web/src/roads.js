/** @import { Road } from "./types" */
import L from "leaflet";
import { tone } from "./theme.js";

const ABOVE_CELLS = "450", CLOSE_PX = 12; // cells so wide have room for main streets too
const HALO_PX = 1.6;

// Roads as light lines over the cells, on a canvas of their own, which a change of week leaves alone.
export class RoadLines {
  /** @type {Road[]} */
  roads = [];
  isClose = false;
  color = ""; // that they are drawn in; empty before they are

  /** @param {L.Map} map */
  constructor(map) {
    const pane = map.createPane("roads");
    Object.assign(pane.style, { zIndex: ABOVE_CELLS, pointerEvents: "none" });
    this.renderer = L.canvas({ pane: "roads", padding: 0.3 });
    this.group = L.layerGroup().addTo(map);
  }

  /** @param {Road[]} roads @param {number} cellPx  width of a cell */
  set(roads, cellPx) {
    this.roads = roads;
    this.color = "";
    this.draw(cellPx);
  }

  // Drawn anew where the zoom has brought main streets or taken them away, or colours changed.
  /** @param {number} cellPx */
  draw(cellPx) {
    const isClose = cellPx >= CLOSE_PX, color = tone("--road");
    if (isClose === this.isClose && color === this.color) return;
    Object.assign(this, { isClose, color });
    this.group.clearLayers();
    const shown = this.roads.filter((road) => isClose || road.is_freeway);
    for (const halo of [HALO_PX, 0]) {
      for (const { is_freeway, lines } of shown) {
        L.polyline(lines.map((line) => line.map(([lon, lat]) => L.latLng(lat, lon))), {
          renderer: this.renderer, interactive: false, color: halo ? tone("--road-halo") : color, weight: (is_freeway ? 1.8 : 0.9) + halo,
        }).addTo(this.group);
      }
    }
  }
}
