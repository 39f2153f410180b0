// Light or dark: as Airflow around the page is set, or else as the system asks; on paper light.
const system = matchMedia("(prefers-color-scheme: dark)"), paper = matchMedia("print"), root = document.documentElement;
/** @type {Map<string, string>} */
const tones = new Map();

export const isDark = () => root.dataset.theme === "dark";

/** @param {() => void} onChange */
export function followTheme(onChange) {
  const around = airflow();
  const settle = () => {
    const theme = paper.matches ? "light" : airflowTheme() ?? (system.matches ? "dark" : "light");
    if (theme === root.dataset.theme) return;
    root.dataset.theme = theme;
    tones.clear();
    onChange();
  };
  settle();
  for (const query of [system, paper]) query.addEventListener("change", settle);
  if (around) new MutationObserver(settle).observe(around, { attributeFilter: ["class"] });
}

// The theme that Airflow around this page is set to, if it is.
export const airflowTheme = () => ["dark", "light"].find((theme) => airflow()?.classList.contains(theme));

// The document of the frame's owner, which marks its theme as a class; none of another's.
function airflow() {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null;
  }
}

/**
 * A colour of style.css, for canvases, which know no variables.
 * @param {string} name  such as "--ink"
 */
export function tone(name) {
  const held = tones.get(name);
  if (held) return held;
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  tones.set(name, found);
  return found;
}
