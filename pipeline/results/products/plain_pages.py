"""Pages of text that load and run nothing: a model's card, and all checks of a week."""

from html import escape
from typing import Literal

from pipeline.domain.city import City
from pipeline.results.page.schemas import Check, WeekHealth

Theme = Literal["light", "dark"]
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
  --line: light-dark(#dcd8cc, #3d3a35); --quiet: light-dark(#5d594f, #b5b0a3);
  color: light-dark(#23211d, #ece8de); background: light-dark(#f7f5ef, #131211); }
:root[data-theme=light] { color-scheme: light; } :root[data-theme=dark] { color-scheme: dark; }
@media print { :root[data-theme=dark] { color-scheme: light; } }
body { max-width: 54rem; margin: 1.2rem auto 3rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 1.8rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
a { color: light-dark(#0b4f9e, #8ab9f5); display: inline-block; min-height: 24px; }
.banner, blockquote { margin: .6rem 0; padding: .3rem .8rem; font-weight: 700;
  border: 2px solid light-dark(#8a5a00, #d9a520); border-radius: .3rem;
  background: light-dark(#ffe08a, #4a3703); color: light-dark(#3b2700, #ffe7a6); }
blockquote p { margin: 0; }
.verdict { font-size: 1.15rem; font-weight: 650; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: baseline;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th, dt { color: var(--quiet); font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .1rem 1rem;
  margin: .2rem 0; } dd { margin: 0; }
pre { white-space: pre-wrap; }
@media (max-width: 700px) { table { font-size: .76rem; } th, td { padding-right: .3rem; } }
@media print { body { margin: 0; max-width: none; } nav { display: none; } }
"""
OUTCOMES = {
    "stop": "Failed",
    "warn": "Warning",
    "quarantine": "Rows set aside",
    "pass": "Passed",
}
BESIDE_THE_API = "../../../"
TABLES = {"incidents": "Reports", "weather_daily": "Weather"}


def card_page(
    city: City, version: str, card: str, root: str = BESIDE_THE_API, theme: Theme | None = None
) -> str:
    """Return the card of a model, which is Markdown, as a page; markup in it stays text.

    Args:
        city: of the model.
        version: of the model.
        card: its text.
        root: where the Hotspots page lies from this one.
        theme: that of the page around it; None for the system's.
    """
    from markdown_it import MarkdownIt

    text = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").render(card)
    title = f"Model card: {city.title}, version {version}"
    return _page(title, f"{root}?city={city.name}", text, theme)


def checks_page(
    city: City, health: WeekHealth, root: str = BESIDE_THE_API, theme: Theme | None = None
) -> str:
    """Return all checks of a week's data as a page, those that did not pass first.

    `root` and `theme` as in `card_page`.
    """
    week, run = health.run.target_week, health.run
    title = f"{city.title}: checks of the data, week of {week.day} {week:%b %Y}"
    by_outcome = [
        (words, [check for check in health.checks if check.outcome == outcome])
        for outcome, words in OUTCOMES.items()
    ]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="banner">{escape(run.banner)}</p>' if run.banner else "",
        f'<p class="verdict">{escape(health.verdict.sentence)}</p>',
        f"<p>Made on {run.issue_date} from {run.provenance} data. It holds counts only.</p>",
        *(
            f"<h2>{words}: {len(checks)}</h2>{''.join(map(_check, checks))}"
            for words, checks in by_outcome
            if checks
        ),
        "" if health.checks else "<p>No checks of this week are on record.</p>",
    ]
    return _page(title, f"{root}?city={city.name}&week={week}", "".join(parts), theme)


def _check(check: Check) -> str:
    facts = {
        "Should hold": check.meaning,
        "Found": check.found,
        "Expected": check.expected,
        "Rows": f"{check.rows:,}",
    }
    if check.action and check.outcome != "pass":
        facts["What to do"] = check.action
    name = f"{TABLES.get(check.table, check.table)}: {check.name.replace('_', ' ')}"
    lines = "".join(
        f"<dt>{escape(words)}</dt><dd>{escape(said)}</dd>" for words, said in facts.items() if said
    )
    return f"<h3>{escape(name)}</h3><dl>{lines}</dl>"


def _page(title: str, back: str, content: str, theme: Theme | None) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    link = f'<nav><a href="{escape(back)}&amp;view=trust">Back to <i>Can I trust it?</i></a></nav>'
    set_theme = f' data-theme="{theme}"' if theme else ""
    return (
        f'<!doctype html><html lang="en"{set_theme}><head>{head}</head>'
        f"<body>{link}<main>{content}</main></body></html>"
    )
