/** @import { Attributes, Child, Elements, Interval, Value } from "./types" */

// Numbers, dates and elements; text goes in as text, never as markup.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MISSING = "–";
// The page is written in one form, "80 %" and "15 Nov 2026"; readers in the United States get theirs.
const IS_AMERICAN = ["en", "en-US"].includes(navigator.language);
const AMERICAN = new Intl.DateTimeFormat("en-US", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const DATE = new RegExp(`(\\d{1,2}) (${MONTHS.join("|")}) (\\d{4})`, "g");

/** @param {string} text @returns {string} */
export const inHabit = (text) => (IS_AMERICAN ? text.replace(/(\d) %/g, "$1%").replace(DATE, "$2 $1, $3") : text);

/** @param {Value} value @param {number} digits */
export const number = (value, digits = 2) => (value == null ? MISSING : value.toFixed(digits));
/** @param {Value} value */
export const whole = (value) => (value == null ? MISSING : Math.round(value).toLocaleString("en"));
/** @param {Value} value @param {number} digits */
export const percent = (value, digits = 0) => (value == null ? MISSING : `${(100 * value).toFixed(digits)} %`);
/** @param {Value} value @param {number} digits */
export const signed = (value, digits = 2) => (value == null ? MISSING : (value > 0 ? "+" : "") + value.toFixed(digits));
/** @param {Interval} of */
export const range = (of) => `${of.q10.toLocaleString("en")} to ${of.q90.toLocaleString("en")}`;
/** @param {Interval} of */
export const between = (of) => `${of.q10.toLocaleString("en")} and ${of.q90.toLocaleString("en")}`;
/** @param {string} name */
export const words = (name) => name.replaceAll("_", " ");
/** @param {string[]} names */
export const list = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0] || "");
/** @param {string} day */
export const time = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

const WEEK_MS = 7 * 24 * 3600 * 1000;

/** @param {string} sunday @param {number} weeks */
export const later = (sunday, weeks) => new Date(1000 * time(sunday) + weeks * WEEK_MS).toISOString().slice(0, 10);

/** @param {string} day */
export function date(day) {
  const at = new Date(`${day}T00:00:00Z`);
  if (IS_AMERICAN) return AMERICAN.format(at);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** @param {string} sunday */
export function days(sunday) {
  const from = new Date(`${sunday}T00:00:00Z`), to = new Date(from);
  to.setUTCDate(to.getUTCDate() + 6);
  if (IS_AMERICAN) return AMERICAN.formatRange(from, to);
  /** @param {number} a @param {number} b */
  const is = (a, b) => a === b ? "" : ` ${b}`;
  const start = `${from.getUTCDate()}${is(to.getUTCMonth(), from.getUTCMonth()) && ` ${MONTHS[from.getUTCMonth()]}`}` +
    is(to.getUTCFullYear(), from.getUTCFullYear());
  return `${start} – ${date(to.toISOString().slice(0, 10))}`;
}

/**
 * @template {keyof Elements} Id
 * @param {Id} id
 */
export const byId = (id) => /** @type {Elements[Id]} */ (document.getElementById(String(id)));

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes  what starts with "on" listens to an event
 * @param {Child[]} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : name === "aria-label" ? inHabit(String(value)) : String(value));
  }
  const all = /** @type {any[]} */ (children).flat(Infinity);
  element.append(...all.filter((child) => child != null).map((child) => (typeof child === "string" ? inHabit(child) : child)));
  return element;
}

/**
 * A table from heads and rows; a head after ">" is one of numbers, a cell may be an element.
 * @param {string} caption
 * @param {string[]} heads
 * @param {Child[][]} rows
 * @param {{ note?: string, shown?: number }} more
 */
export function table(caption, heads, rows, { note, shown } = {}) {
  const isNumber = heads.map((head) => head.startsWith(">"));
  /** @param {"td" | "th"} tag @param {Child[]} values */
  const line = (tag, values) => make("tr", {}, values.map((value, k) =>
    make(tag, { class: isNumber[k] ? "number" : undefined, scope: tag === "th" ? "col" : undefined }, value)));
  const head = line("th", heads.map((name) => name.replace(/^>/, "")));
  const whole = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", { "aria-label": caption }, make("thead", {}, head),
      make("tbody", {}, rows.map((row) => line("td", row)))));
  if (shown && rows.length > shown) whole.classList.add("long");
  if (heads.length === 2) whole.classList.add("narrow");
  return make("div", { class: "tabled" }, make("h3", {}, caption), whole, note && make("p", { class: "quiet" }, note));
}
