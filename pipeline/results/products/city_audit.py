"""The audit of a city's stored forecasts against what was counted since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.domain.city import City
from pipeline.domain.errors import WeekNotReady
from pipeline.evaluation.audit import (
    END_WEEKS,
    LOOP_RUNS,
    LOOP_WEEKS,
    STAND_IN,
    Concentration,
    by_division,
    concentration,
    feedback_loop,
)
from pipeline.evaluation.hotspots import BANDS
from pipeline.evaluation.ranking import flagged_cells
from pipeline.results.store.many_weeks import YEAR_WEEKS
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import BANNERS, StoredRun

SEED = 1
MISSING = "–"
DIVISION_HEADS = (
    "Division", "Cells", "Reports", "Bias", "Deviance", "In 80 %", "Of flags", "Of reports",
)  # fmt: skip
LOOP_HEADS = ("Reporting rises by", "Reports there", "Forecast there", "Truly there", "Ever")
LOOP_NOTE = (
    f"What if a flag raised reporting? SIMULATED: {LOOP_WEEKS} weeks, {LOOP_RUNS} runs. "
    f"Forecasts by a stand-in for the model ({STAND_IN}). Shares of the flagged cells in the last "
    f"{END_WEEKS} weeks; what truly happens is the same in every row. Ever: share of cells flagged "
    "that year."
)


@dataclass(frozen=True)
class Audit:
    """The figures of an audit, over the current forecasts of weeks that are known.

    Attributes:
        weeks: the audited weeks, oldest first.
        backfilled: how many of them were stored only after their week had begun.
        banners: words that must stand over anything made from them.
        divisions: as `by_division` gives it.
        flags: how the flags are spread over the cells.
        loop: as `feedback_loop` gives it, of simulated reports.
    """

    weeks: tuple[date, ...]
    backfilled: int
    banners: tuple[str, ...]
    divisions: pd.DataFrame
    flags: Concentration
    loop: pd.DataFrame


def audit_city(store: ResultsReader, city: str, through: date | None = None) -> Audit:
    """Audit the newest year of known weeks, up to the week `through` where one is given.

    The feedback loop takes each cell's mean forecast for what truly happens, and the newest week's
    horizon.

    Raises:
        WeekNotReady: no forecast's week is known yet.
    """
    weeks = store.observed_weeks(city)["week_start"]
    known = {week for week in weeks if through is None or week <= through}
    runs = [run for run in store.weeks(city) if run.record.weeks.target_week in known]
    if not runs:
        raise WeekNotReady(
            f"No forecast of {city} has come to be known yet, so there is nothing to audit. Run "
            "the weeks that follow; a week is counted some weeks after it ends."
        )
    runs = runs[:YEAR_WEEKS][::-1]
    cells = pd.concat([_cells(store, city, run) for run in runs], ignore_index=True)
    totals = pd.concat([_divisions(store, city, run) for run in runs], ignore_index=True)
    flags = cells.pivot_table("flagged", "week", ["row", "col"], fill_value=0.0)
    rate = cells.groupby(["row", "col"])["mean"].mean().to_numpy()
    return Audit(
        weeks=tuple(run.record.weeks.target_week for run in runs),
        backfilled=sum(run.is_backfill for run in runs),
        banners=tuple(b for b in BANNERS.values() if any(run.banner == b for run in runs)),
        divisions=by_division(cells, totals),
        flags=concentration(flags.to_numpy() > 0),
        loop=feedback_loop(rate, runs[-1].record.weeks.horizon, SEED),
    )


def audit_table(city: City, audit: Audit) -> RenderableType:
    """Return an audit as tables for the terminal."""
    return Group(
        *(Text(words, style="black on yellow") for words in audit.banners),
        Text(audit_title(city, audit), style="bold"),
        "",
        _table(DIVISION_HEADS, division_rows(audit)),
        Text(division_note(), style="dim"),
        "",
        flags_line(audit.flags),
        "",
        Text(LOOP_NOTE),
        _table(LOOP_HEADS, loop_rows(audit)),
    )


def audit_title(city: City, audit: Audit) -> str:
    """Return what was audited, in words."""
    late = f", {audit.backfilled} of them stored late" if audit.backfilled else ""
    return (
        f"Audit of {city.title}: {len(audit.weeks)} known weeks from {audit.weeks[0]} to "
        f"{audit.weeks[-1]}{late}"
    )


def division_note() -> str:
    """Return what the columns of the divisions mean."""
    return (
        "Bias: forecast over reported. Deviance: error of a cell and week, lower is better; it "
        "grows with the counts. In 80 %: weeks whose reports lay in the division's 80 % interval. "
        f"Of flags, of reports: the division's part of all flags (top {BANDS[-1]} % of cells) and "
        "of all reports."
    )


def division_rows(audit: Audit) -> list[tuple[str, ...]]:
    """Return the divisions as text, in the order of DIVISION_HEADS."""
    return [
        (
            d["division"],
            str(d["cells"]),
            f"{d['reports']:,}",
            _percent(d["bias"], sign="+"),
            f"{d['deviance']:.3f}",
            _percent(d["covered"], digits=0),
            _percent(d["flagged_share"]),
            _percent(d["reports_share"]),
        )
        for d in audit.divisions.to_dict("records")
    ]


def flags_line(flags: Concentration) -> str:
    """Return how the flags are spread, in words."""
    least = flagged_cells(flags.cells, BANDS[-1] / 100) / flags.cells
    return (
        f"{_percent(flags.ever)} of {flags.cells:,} cells were flagged in at least one of "
        f"{flags.weeks} weeks ({_percent(least)} if always the same); the most-flagged 1 % for "
        f"{flags.most_weeks:.1f} weeks. Gini {flags.gini:.3f} ({1 - least:.2f} if always the same)."
    )


def loop_rows(audit: Audit) -> list[tuple[str, ...]]:
    """Return the feedback loop as text, in the order of LOOP_HEADS."""
    names = ("flagged_reports", "forecast_share", "flagged_truth", "ever")
    return [
        (_percent(row["lift"], digits=0), *(_percent(row[name]) for name in names))
        for row in audit.loop.to_dict("records")
    ]


def _cells(store: ResultsReader, city: str, run: StoredRun) -> pd.DataFrame:
    week = run.record.weeks.target_week
    cells = store.cells_frame(city, week, run.revision)
    found = store.observed_cells(city, week)
    both = cells[["division", "row", "col", "mean"]].merge(found, how="left", on=["row", "col"])
    reports = both["reports"].fillna(0).astype(np.int64)
    return both.assign(week=week, flagged=cells["band"] > 0, reports=reports)


def _divisions(store: ResultsReader, city: str, run: StoredRun) -> pd.DataFrame:
    week = run.record.weeks.target_week
    totals = store.totals(city, week, run.revision)
    kept = totals.loc[totals["kind"] == "division", ["name", "q10", "q90"]]
    return kept.rename(columns={"name": "division"}).assign(week=week)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, collapse_padding=True, pad_edge=False)
    for k, name in enumerate(heads):
        table.add_column(name, justify="right" if k else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _percent(share: float, *, digits: int = 1, sign: str = "") -> str:
    return MISSING if pd.isna(share) else f"{100 * share:{sign}.{digits}f} %"
