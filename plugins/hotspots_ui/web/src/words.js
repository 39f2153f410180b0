// Numbers, dates and elements; text goes in as text, never as markup.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MISSING = "–";

export const number = (value, digits = 2) => (value == null ? MISSING : value.toFixed(digits));
export const whole = (value) => (value == null ? MISSING : Math.round(value).toLocaleString("en"));
export const percent = (value, digits = 0) => (value == null ? MISSING : `${(100 * value).toFixed(digits)} %`);
export const signed = (value, digits = 2) => (value == null ? MISSING : (value > 0 ? "+" : "") + value.toFixed(digits));
export const range = (of) => `${of.q10.toLocaleString("en")} to ${of.q90.toLocaleString("en")}`;
export const between = (of) => `${of.q10.toLocaleString("en")} and ${of.q90.toLocaleString("en")}`;
export const words = (name) => name.replaceAll("_", " ");
export const list = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0] || "");
export const time = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

export function date(day) {
  const at = new Date(`${day}T00:00:00Z`);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

export function days(sunday) {
  const from = new Date(`${sunday}T00:00:00Z`), to = new Date(from);
  to.setUTCDate(to.getUTCDate() + 6);
  const is = (a, b) => a === b ? "" : ` ${b}`;
  const start = `${from.getUTCDate()}${is(to.getUTCMonth(), from.getUTCMonth()) && ` ${MONTHS[from.getUTCMonth()]}`}` +
    is(to.getUTCFullYear(), from.getUTCFullYear());
  return `${start} – ${date(to.toISOString().slice(0, 10))}`;
}

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

// A table from heads and rows; a head after ">" is one of numbers, a cell may be an element.
export function table(caption, heads, rows, { note, shown } = {}) {
  const isNumber = heads.map((head) => head.startsWith(">"));
  const line = (tag, values) => make("tr", {}, values.map((value, k) =>
    make(tag, { class: isNumber[k] ? "number" : undefined, scope: tag === "th" ? "col" : undefined }, value)));
  const head = line("th", heads.map((name) => name.replace(/^>/, "")));
  const whole = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", { "aria-label": caption }, make("thead", {}, head),
      make("tbody", {}, rows.map((row) => line("td", row)))));
  if (rows.length > shown) whole.classList.add("long");
  if (heads.length === 2) whole.classList.add("narrow");
  return make("div", { class: "tabled" }, make("h3", {}, caption), whole, note && make("p", { class: "quiet" }, note));
}
