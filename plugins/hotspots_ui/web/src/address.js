/** @import { LayerName, State } from "./types" */

// What is shown stands in the address: city, week, view, layer and cell.
import { LAYERS } from "./colours.js";

const DEFAULT_CITY = "los_angeles", NAV = "plugin/hotspots", WALK_MS = 1000;
let walkedAt = 0; // when the week alone was changed last

const isLayer = /** @type {(name: string) => name is LayerName} */ ((name) => Object.hasOwn(LAYERS, name));
export const sectionOf = (/** @type {string} */ view) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-shown="${CSS.escape(view)}"]`));

/** @param {State} state  its cell is named by a number, which only its city's grid explains @returns {URLSearchParams} the address itself */
export function readAddress(state) {
  const address = new URLSearchParams(location.search), view = address.get("view") || "map", layer = address.get("layer") || "";
  state.city = address.get("city") || DEFAULT_CITY;
  state.week = address.get("week") || "";
  state.view = sectionOf(view) ? view : "map";
  state.layer = isLayer(layer) ? layer : "forecast";
  return address;
}

/**
 * A step that can be gone back; weeks that are walked through quickly are one.
 * @param {State} state
 * @param {{ isStep: boolean, cols: number }} how  whether it is a step at all, or follows from another; columns of the grid
 */
export function writeAddress({ city, week, view, layer, cell }, { isStep, cols }) {
  const before = new URLSearchParams(location.search), address = new URLSearchParams({ city, week, view, layer });
  if (cell) address.set("cell", String(cell.row * cols + cell.col));
  if (address.toString() !== before.toString()) {
    before.set("week", week);
    const isWeekAlone = address.toString() === before.toString(), isWalk = isWeekAlone && Date.now() - walkedAt < WALK_MS;
    if (isStep && isWeekAlone) walkedAt = Date.now();
    if (isStep && !isWalk) history.pushState(null, "", `?${address}`);
    else history.replaceState(null, "", `?${address}`);
  }
  tellAirflow();
}

// Airflow's own bar and tab say what its page Hotspots shows; a run's tab keeps its own.
function tellAirflow() {
  const outer = around();
  if (!outer?.location.pathname.startsWith(new URL(NAV, outer.document.baseURI).pathname)) return;
  outer.history.replaceState(outer.history.state, "", link());
  outer.document.title = document.title;
}

// The window of the Airflow around this page, if there is one.
function around() {
  try {
    return window.parent !== window && window.parent.document.querySelector("head > base") ? window.parent : null;
  } catch {
    return null; // another server's
  }
}

// What leads here, within Airflow's own frame where the page stands in it.
export function link() {
  const outer = around();
  return outer ? new URL(`${NAV}${location.pathname}${location.search}`, outer.document.baseURI).href : location.href;
}

// Airflow's login, which leads back.
export const login = () => `../api/v2/auth/login?${new URLSearchParams({ next: link().slice(location.origin.length) })}`;

// Airflow's sandbox lets no link of a frame replace the whole window, but a link of the window's own document may.
/** @param {Event} event */
export function leaveFrame(event) {
  if (!window.top || window.top === window) return;
  event.preventDefault();
  Object.assign(window.top.document.createElement("a"), { href: /** @type {HTMLAnchorElement} */ (event.currentTarget).href }).click();
}

/** @param {HTMLInputElement} field  shows the link where nothing can be copied @returns {Promise<string>} what to say */
export async function copyLink(field) {
  const address = link();
  try {
    await navigator.clipboard.writeText(address);
    return "Copied";
  } catch {
    field.value = address;
    field.hidden = false;
    field.focus();
    field.select();
    return "Copy it from here:";
  }
}
