"""A week on one printed page: a self-contained HTML file for those who decide."""

import base64
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.evaluation.baselines import REFERENCE
from pipeline.quality.rules import RULES
from pipeline.results.page import track_record, views
from pipeline.results.page.schemas import Check, WeekForecast, WeekHealth
from pipeline.results.page.score_schemas import Comparison, Scores, TotalOutcome
from pipeline.results.page.week_health import week_health
from pipeline.results.place_names import about_places
from pipeline.results.products.maps import draw_week
from pipeline.results.store.reader import ResultsReader

TOP_CLUSTERS, LAST_WEEKS = 5, 8
STYLE = """
:root { font: 15px/1.4 system-ui, sans-serif; color: #222; }
body { max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.2rem 0 .3rem; }
.banner { background: #ffe08a; border: 2px solid #8a5a00; padding: .4rem .8rem; font-weight: 700; }
.big { font-size: 1.15rem; } img { width: 100%; max-width: 38rem; }
img.with-outcome { max-width: none; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid #ddd; }
@media print { @page { size: A4; margin: 12mm; } :root { font-size: 10px; }
  body { margin: 0; max-width: none; } img { max-width: 105mm; }
  img.with-outcome { max-width: 165mm; } tr, img { break-inside: avoid; } }
"""
CAVEATS = (
    "Reports, not crime: what nobody reports isn't in it, and places that report more look worse.",
    "For planning and research. Not for patrol dispatch, stops, or any decision about a person.",
    "Next week's counts are mostly chance; each cell's long-run average is hard to beat.",
)


def report_page(store: ResultsReader, city: City, week: date) -> str:
    """Return the page of a week: map, clusters, total, how the last weeks did, data, caveats.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    forecast = views.week_forecast(store, city, week)
    health = week_health(store, city.name, week)
    scores = track_record.scores(store, city.name)
    title = f"{city.title}: week of {_days(week)}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        *_banners(store, city, forecast),
        _total(city, forecast) + _counted(scores, week),
        _picture(store, city, week, title),
        "<h2>Largest clusters of hotspots</h2>" + _clusters(city, forecast),
        "<h2>How the newest known forecasts did</h2>" + _record(scores),
        "<h2>What it was made from</h2>" + _health(health),
        "<h2>Before you use it</h2>" + _list(CAVEATS),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _banners(store: ResultsReader, city: City, forecast: WeekForecast) -> list[str]:
    stale, words = store.status(city.name).stale, [forecast.run.banner]
    if stale and stale.last_week == forecast.run.target_week:
        words.append(stale.sentence)
    return [f'<p class="banner">{escape(text)}</p>' for text in words if text]


def _total(city: City, forecast: WeekForecast) -> str:
    run, total = forecast.run, forecast.city
    offences = ", ".join(city.offences.target).replace("_", " ")
    return (
        f'<p class="big"><b>{total.mean:,.0f}</b> reports of {escape(offences)} expected in the '
        f"city, 80 % between {total.q10:,} and {total.q90:,}.</p>"
        f"<p>Issued {run.issue_date} on whole weeks of data up to that of {run.edge_week}, "
        f"{run.horizon} weeks before; revision {run.revision}, {escape(run.model)}.</p>"
    )


def _counted(scores: Scores, week: date) -> str:
    """Say what was counted in the week itself, once known, and whether its band held it."""
    found = [t for t in scores.totals if t.week == week and t.observed is not None]
    return "".join(
        f'<p class="big"><b>{t.observed:,}</b> were counted: {_place(t)} the 80 %.</p>'
        for t in found
    )


def _place(total: TotalOutcome) -> str:
    return "inside" if total.q10 <= (total.observed or 0) <= total.q90 else "OUTSIDE"


def _picture(store: ResultsReader, city: City, week: date, title: str) -> str:
    frame = store.cells_frame(city.name, week)
    row, col = frame["row"].to_numpy(), frame["col"].to_numpy()
    cells = Cells(city.grid.shape, row, col, tuple(frame["division"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.png"
        observed = _observed(store, city, week)
        draw_week(path, city, cells, frame, store.run(city.name, week), observed=observed)
        picture = base64.b64encode(path.read_bytes()).decode()
    kind = "alone" if observed is None else "with-outcome"
    return f'<img class="{kind}" alt="Map: {escape(title)}" src="data:image/png;base64,{picture}">'


def _observed(store: ResultsReader, city: City, week: date) -> NDArray[np.float64] | None:
    try:
        found = store.observed_cells(city.name, week)
    except WeekNotReady:
        return None
    counts = np.zeros(city.grid.shape)
    counts[found["row"], found["col"]] = found["reports"]
    return counts


def _clusters(city: City, forecast: WeekForecast) -> str:
    """Return the table of the largest clusters; without neighbourhoods, degrees tell where."""
    lat, lon = city.grid.centres()
    named = forecast.has_neighbourhoods
    rows = []
    for c in forecast.clusters[:TOP_CLUSTERS]:
        centre = f"{lat[c.peak_row, c.peak_col]:.4f}, {lon[c.peak_row, c.peak_col]:.4f}"
        long_run = "–" if c.long_run_mean is None else f"{c.long_run_mean:.1f}"
        place = (c.place,) if named else (c.place, centre)
        figures = (c.size, str(c.cells), f"{c.expected:.1f}", long_run)
        rows.append((str(c.cluster), str(c.peak_cell_id), *place, *figures))
    places = ("Place",) if named else ("Division", "Centre of peak")
    heads = ("No.", "Peak cell", *places, "Size", "Cells", "Expected", "Long-run")
    note = f"A cluster is named after its peak. {about_places(city)}"
    return _table(heads, rows) + f"<p>{escape(note)}</p>"


def _record(scores: Scores) -> str:
    known = [t for t in scores.totals if t.observed is not None][-LAST_WEEKS:]
    if not known:
        return "<p>No earlier week is known yet.</p>"
    rows = [
        (
            _days(t.week),
            f"{t.mean:,.0f}",
            f"{t.q10:,} to {t.q90:,}",
            f"{t.observed:,}",
            _place(t),
        )
        for t in known
    ]
    table = _table(("Week", "Expected", "80 %", "Counted", "Counted lies"), rows)
    found = [c for c in scores.comparisons if c.baseline == REFERENCE]
    skill = (
        f"<p>Error against each cell's long-run average over {c.weeks} scored weeks: "
        f"{-100 * c.skill:+.1f} %{_interval(c)}; closer in {c.weeks_won}.</p>"
        for c in found
    )
    return "".join(skill) + table


def _interval(found: Comparison) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" (95 % interval {-100 * found.high:+.1f} to {-100 * found.low:+.1f})"


def _health(health: WeekHealth) -> str:
    run = health.run
    bad = [c for c in health.checks if c.outcome != "pass"]
    whole_through = run.issue_date - timedelta(days=run.snapshot_age_days)
    facts = [
        f"{run.provenance} data, reports complete through {whole_through}.",
        f"{len(health.checks) - len(bad)} of {len(health.checks)} checks passed.",
        *(f"Not so: {_meaning(c)} (found {c.found}, expected {c.expected})." for c in bad),
        *health.notes,
        f"Forecast {run.forecast_sha256[:12]}, model {health.model_sha256[:12]}.",
        f"Code {health.code_version}.",
    ]
    return _list(facts)


def _meaning(check: Check) -> str:
    """Return what holds where a check passes, in words."""
    rule = RULES.get(check.name)
    return rule.meaning if rule else check.name.replace("_", " ")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    lines = ("".join(f"<td>{escape(value)}</td>" for value in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _days(week: date) -> str:
    return f"{week} to {week + timedelta(days=6)}"
