"""A week on one sheet of paper: a self-contained HTML file for those who decide."""

import base64
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.domain.cells import Cells
from pipeline.domain.city import City
from pipeline.domain.weeks import WEEK
from pipeline.evaluation.baselines import REFERENCE
from pipeline.evaluation.hotspots import BANDS
from pipeline.quality.rules import RULES
from pipeline.results.page import track_record, views
from pipeline.results.page.schemas import Check, WeekForecast, WeekHealth
from pipeline.results.page.score_schemas import Comparison, Scores, TotalOutcome
from pipeline.results.page.week_health import week_health
from pipeline.results.place_names import about_places
from pipeline.results.products.colours import COUNTS, RATES
from pipeline.results.products.dates import day_words, week_words
from pipeline.results.products.maps import offence_words
from pipeline.results.products.report_maps import forecast_map, outcome_map, png
from pipeline.results.store.reader import ResultsReader

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Countries whose paper is Letter (Unicode CLDR, supplemental data, paperSize); the others' is A4.
LETTER = "BZ CA CL CO CR GT MX NI PA PH PR SV US VE".split()  # noqa: SIM905
ALONE_MM, BESIDE_MM = (90, 122), (90, 80)  # width and height that a map must fit into
# What is longer than the sheet has room for is left to the page.
TOP_CLUSTERS, LAST_WEEKS, MOST_REMARKS, MOST_LETTERS = 5, 8, 2, 140
NUMBERS = ">"  # a head that begins so is one of numbers
CAVEATS = (
    "Reports, not crime: what nobody reports isn't in it, and places that report more look worse.",
    "For planning and research. Not for patrol dispatch, stops, or any decision about a person.",
    "Next week's counts are mostly chance; each cell's long-run average is hard to beat.",
)


def report_page(store: ResultsReader, city: City, week: date, scores: Scores | None = None) -> str:
    """Return a week's sheet: map, three figures, clusters, track record, data, caveats.

    Args:
        store: holds the week.
        city: whose.
        week: the target week.
        scores: the track record, where many weeks share it; None reads it.

    Raises:
        WeekNotReady: the week has no forecast.
    """
    forecast = views.week_forecast(store, city, week)
    health = week_health(store, city.name, week)
    scores = scores or track_record.scores(store, city.name)
    title = f"{city.title}: week of {week_words(city, week)}"
    frame = store.cells_frame(city.name, week)
    maps = _maps(store, city, week, frame)
    clusters = _section("Largest clusters of hotspots", _clusters(city, forecast))
    record = _section("How the newest known forecasts did", _record(city, scores))
    caveats = _section("Before you use it", _list(CAVEATS))
    origin = _section("What it was made from", _health(city, health))
    if len(maps) == 1:
        left, right = [maps[0], origin], [clusters, record, caveats]
    else:
        left, right = [maps[0], clusters, origin], [maps[1], record, caveats]
    figures = _figures(three_figures(city, forecast, frame, scores))
    body = (
        f"<header><h1>{escape(title)}</h1>{_banners(store, city, forecast)}"
        f"{_origin(city, forecast)}</header>{figures}"
        f"<main><div>{''.join(left)}</div><div>{''.join(right)}</div></main>"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>@page {{ size: {_paper(city)}; margin: 12mm; }}\n{_style()}</style></head>"
        f"<body>{body.replace(' %', '&nbsp;%')}</body></html>"
    )


def _paper(city: City) -> str:
    return "letter" if city.country in LETTER else "A4"


@cache
def _style() -> str:
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def _banners(store: ResultsReader, city: City, forecast: WeekForecast) -> str:
    stale, words = store.status(city.name).stale, [forecast.run.banner]
    if stale and stale.last_week == forecast.run.target_week:
        words.append(stale.in_words(lambda day: day_words(city, day)))
    return "".join(f'<p class="banner">{escape(text)}</p>' for text in words if text)


def _origin(city: City, forecast: WeekForecast) -> str:
    run = forecast.run
    text = (
        f"Issued {day_words(city, run.issue_date)} on whole weeks of data up to that of "
        f"{day_words(city, run.edge_week)}, {run.horizon} weeks before; revision {run.revision}, "
        f"{run.model}."
    )
    return f'<p class="quiet">{escape(text)}</p>'


def three_figures(
    city: City, forecast: WeekForecast, cells: pd.DataFrame, scores: Scores
) -> list[tuple[str, str]]:
    """Return the three figures that matter in words, and what was counted once that is known.

    Args:
        city: where.
        forecast: of the week.
        cells: of the same forecast, as ResultsReader.cells_frame gives them.
        scores: the track record, for the week before and for what was counted.
    """
    total, week = forecast.city, forecast.run.target_week
    counted = [t for t in scores.totals if t.week == week and t.observed is not None]
    before = [t.mean for t in scores.totals if t.week == week - WEEK]
    between = f"80 % between {total.q10:,} and {total.q90:,}."
    expected = f"reports of {offence_words(city)} expected in the city, {between}"
    said = "".join(f" {t.observed:,} were counted: {_place(t)} the 80 %." for t in counted)
    return [
        (f"{total.mean:,.0f}", expected + said), _change(total.mean, before), _share(cells)
    ]  # fmt: skip


def _figures(figures: Sequence[tuple[str, str]]) -> str:
    shown = "".join(f"<div><b>{escape(value)}</b> {escape(text)}</div>" for value, text in figures)
    return f'<div class="figures">{shown}</div>'


def _change(mean: float, before: list[float]) -> tuple[str, str]:
    if not before:
        return "–", "change from last week: the week before has no forecast."
    (last,) = before
    percent = f" ({100 * (mean / last - 1):+.0f} %)" if last else ""
    change = round(mean) - round(last)  # of the figures as they are shown
    return f"{change:+,}", f"change from last week{percent}, for which {last:,.0f} were expected."


def _share(cells: pd.DataFrame) -> tuple[str, str]:
    is_hot = cells["band"] > 0
    share = cells.loc[is_hot, "mean"].sum() / (cells["mean"].sum() or 1)
    top = f"the top {BANDS[-1]} % of cells: {is_hot.sum()} of {len(cells):,}."
    return f"{100 * share:.0f} %", f"of the reports are expected in {top}"


def _place(total: TotalOutcome) -> str:
    return "inside" if total.q10 <= (total.observed or 0) <= total.q90 else "OUTSIDE"


def _maps(store: ResultsReader, city: City, week: date, frame: pd.DataFrame) -> list[str]:
    """Return the map of the forecast and, once it is known, that of the outcome."""
    row, col = frame["row"].to_numpy(), frame["col"].to_numpy()
    cells = Cells(city.grid.shape, row, col, tuple(frame["division"]))
    is_known = week in set(store.observed_weeks(city.name)["week_start"])
    box = BESIDE_MM if is_known else ALONE_MM
    forecast = forecast_map(city, cells, frame, box, TOP_CLUSTERS)
    note = (
        "Reports expected per cell, coloured alike in every week. Outlined: the top 5, 2 and 1 % "
        "of cells; numbers: clusters; dots: less sure."
    )
    lows = ("0", *(f"{step:g}" for step in RATES.steps))
    maps = [_map("Forecast", city, forecast, zip(RATES.colours, lows, strict=True), note)]
    if is_known:
        counted = np.array(store.counts(city.name, week))
        outcome = outcome_map(city, cells, frame, counted, box)
        legend = zip(COUNTS.colours, COUNTS.labels, strict=True)
        note = "Reports counted per cell in the week. Outlined: what had been forecast."
        maps.append(_map("Outcome", city, outcome, legend, note))
    return maps


def _map(
    name: str, city: City, figure: "Figure", legend: Iterable[tuple[str, str]], note: str
) -> str:
    picture = base64.b64encode(png(figure)).decode()
    width, height = figure.get_size_inches()
    steps = "".join(
        f'<li style="border-color:{colour}"><span>{escape(text)}</span></li>'
        for colour, text in legend
    )
    return (
        f'<figure><h2>{name}</h2><img alt="{name}: map of {escape(city.title)} by cell" '
        f'style="width:{width:.2f}in;aspect-ratio:{width / height:.4f}" '
        f'src="data:image/png;base64,{picture}"><ul class="legend">{steps}</ul>'
        f'<figcaption class="quiet">{escape(note)}</figcaption></figure>'
    )


def _clusters(city: City, forecast: WeekForecast) -> str:
    # The peak's place alone: with more names the sheet would be too short.
    place_of = dict(zip(forecast.cells.cell_id, forecast.cells.place, strict=True))
    rows = [
        (
            str(c.cluster),
            place_of[c.peak_cell_id],
            c.size.removesuffix(" km"),
            f"{c.expected:.1f}",
            "–" if c.long_run_mean is None else f"{c.long_run_mean:.1f}",
        )
        for c in forecast.clusters[:TOP_CLUSTERS]
    ]
    place = "Place" if forecast.has_neighbourhoods else "Division"
    heads = ("No.", place, "Size, km", ">Expected", ">Long-run")
    note = f"Named after their peaks. {about_places(city)}"
    return _table(heads, rows) + f'<p class="quiet">{escape(note)}</p>'


def _record(city: City, scores: Scores) -> str:
    known = [t for t in scores.totals if t.observed is not None][-LAST_WEEKS:]
    if not known:
        return "<p>No earlier week is known yet.</p>"
    rows = [
        (
            day_words(city, t.week),
            f"{t.mean:,.0f}",
            f"{t.q10:,} to {t.q90:,}",
            f"{t.observed:,}",
            _place(t),
        )
        for t in known
    ]
    table = _table(("Week of", ">Expected", ">80 %", ">Counted", "That is"), rows)
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


def _health(city: City, health: WeekHealth) -> str:
    run = health.run
    bad = [c for c in health.checks if c.outcome != "pass"]
    age = timedelta(days=run.snapshot_age_days)
    whole_through = day_words(city, run.issue_date - age)
    failed = [f"Not so: {_meaning(c)} (found {c.found}, expected {c.expected})." for c in bad]
    facts = [
        f"{run.provenance.capitalize()} data, reports complete through {whole_through}.",
        f"{len(health.checks) - len(bad)} of {len(health.checks)} checks passed.",
        *_first([*failed, *health.notes]),
        f"Forecast {run.forecast_sha256[:12]}, model {health.model_sha256[:12]}.",
        f"Code {health.code_version}.",
    ]
    return _list(facts)


def _first(remarks: Sequence[str]) -> list[str]:
    """Return the first remarks, none longer than the sheet has room for, and how many are left."""
    left = len(remarks) - MOST_REMARKS
    more = [f"{left} more: see the Hotspots page."] if left > 0 else []
    return [shorten(r, MOST_LETTERS, placeholder=" ...") for r in remarks[:MOST_REMARKS]] + more


def _meaning(check: Check) -> str:
    """Return what holds where a check passes, in words."""
    rule = RULES.get(check.name)
    return rule.meaning if rule else check.name.replace("_", " ")


def _section(head: str, content: str) -> str:
    return f"<section><h2>{escape(head)}</h2>{content}</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, values: Sequence[str]) -> str:
        kinds = (' class="number"' if head.startswith(NUMBERS) else "" for head in heads)
        cells = (
            f"<{tag}{kind}>{escape(value)}</{tag}>"
            for kind, value in zip(kinds, values, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows)
    head = line("th", [name.removeprefix(NUMBERS) for name in heads])
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
