"""Backtests of several cities in one table, with differences pooled over the cities."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.evaluation.baselines import BASELINES, REFERENCE
from pipeline.evaluation.bootstrap import draw_weeks, interval
from pipeline.evaluation.outputs import SCORES_FILE, SUMMARY_FILE, plain
from pipeline.evaluation.rivals import BOOSTED_TREES, OF_OWN_TOTAL, POISSON_GLM
from pipeline.files import write_file

ACROSS_FILE, PAGE_FILE = "cities.json", "cities.md"
ALL_CITIES = "all cities"
RIVALS = {
    REFERENCE: "long-run mean",
    POISSON_GLM: "regression",
    BOOSTED_TREES: "boosted trees",
    OF_OWN_TOTAL[POISSON_GLM]: "regression's shares",
    OF_OWN_TOTAL[BOOSTED_TREES]: "trees' shares",
}
CAPTURES = {
    f"{name}_{percent}": f"{words} {percent} %"
    for name, words in (("hit_rate", "hit rate at"), ("pei_star", "PEI* at"))
    for percent in (1, 2, 5)
}


def compare_cities(folders: Mapping[str, Path], seed: int) -> dict[str, Any]:
    """Return what the backtests of several cities come to together.

    Differences are of Poisson deviance in percent of the rival's. The pooled one is the plain mean
    over cities; its interval draws blocks of weeks within each city, which are its strata.

    Args:
        folders: where each city's backtest was written.
        seed: seed of the draws.
    """
    summaries = {city: json.loads((of / SUMMARY_FILE).read_text()) for city, of in folders.items()}
    weekly = [_weekly_deviance(of) for of in folders.values()]
    shared = set.intersection(*(set(of["horizons"]) for of in summaries.values()))
    models = [of["model"] for of in summaries.values()]
    against: dict[str, dict[str, Any]] = {rival: {} for rival in RIVALS}
    for horizon in sorted(shared):
        for rival in RIVALS:
            drawn, whole = zip(
                *(
                    _percent(of.loc[horizon, own], of.loc[horizon, rival], seed + number)
                    for number, (of, own) in enumerate(zip(weekly, models, strict=True))
                ),
                strict=True,
            )
            least = min(of["weeks"] for of in summaries.values())
            found = {
                city: _figure(whole[k], drawn[k], summaries[city]["weeks"])
                for k, city in enumerate(folders)
            }
            pooled = _figure(float(np.mean(whole)), np.mean(drawn, axis=0), least)
            against[rival][str(horizon)] = {**found, ALL_CITIES: pooled}
    return {"horizons": sorted(shared), "cities": summaries, "percent_against": against}


def write_comparison(out: Path, found: Mapping[str, Any]) -> None:
    """Write the comparison as JSON and as a page."""
    kept = plain({name: found[name] for name in ("horizons", "percent_against")})
    write_file(out / ACROSS_FILE, json.dumps(kept, indent=1, allow_nan=False).encode())
    write_file(out / PAGE_FILE, comparison_page(found).encode())


def comparison_page(found: Mapping[str, Any]) -> str:
    """Return the comparison as Markdown tables."""
    tables = (
        ("What was forecast", _what_table(found)),
        ("Poisson deviance per cell and week, lower is better", _deviance_table(found)),
        ("Model minus rival, in percent of the rival's deviance [95 %]", _against_table(found)),
        ("Hotspots: model minus the best baseline, in points [95 %]", _capture_table(found)),
        ("City total and calibration, in percent", _total_table(found)),
    )
    return "\n".join(f"## {title}\n\n{table}\n" for title, table in tables)


def _weekly_deviance(folder: Path) -> pd.DataFrame:
    """Return deviances by (horizon, week), a column per model, weeks in order."""
    scores = pq.read_table(folder / SCORES_FILE).to_pandas()
    deviance = scores[scores["score"] == "poisson_deviance"]
    return deviance.pivot_table(index=["horizon", "week_start"], columns="model", values="value")


def _percent(ours: pd.Series, theirs: pd.Series, seed: int) -> tuple[NDArray[np.float64], float]:
    """Return the difference in percent of theirs, of each draw of weeks and of all weeks."""
    model, rival = ours.to_numpy(np.float64), theirs.to_numpy(np.float64)
    chosen = draw_weeks(len(model), seed)
    drawn = 100 * (model[chosen].sum(axis=1) / rival[chosen].sum(axis=1) - 1)
    return drawn, float(100 * (model.sum() / rival.sum() - 1))


def _figure(whole: float, drawn: NDArray[np.float64], weeks: int) -> dict[str, float]:
    low, high = interval(drawn, weeks)
    return {"difference": whole, "low": low, "high": high}


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return (city, horizon, summary) for each row of a table."""
    return [
        (city, str(horizon), summary)
        for city, summary in found["cities"].items()
        for horizon in found["horizons"]
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _what_table(found: Mapping[str, Any]) -> str:
    rows = [
        [
            city,
            ", ".join(of["target"]),
            f"{of['cells']:,}",
            f"{of['weeks']}, {of['first_week']} to {of['last_week']}",
            f"{len(of['trainings'])}",
        ]
        for city, of in found["cities"].items()
    ]
    return _table(("city", "target", "cells", "weeks", "trainings"), rows)


def _deviance_table(found: Mapping[str, Any]) -> str:
    rows = [
        [
            city,
            horizon,
            f"**{of['pooled'][of['model']][horizon]['poisson_deviance']:.4f}**",
            *(f"{of['pooled'][rival][horizon]['poisson_deviance']:.4f}" for rival in RIVALS),
        ]
        for city, horizon, of in _rows(found)
    ]
    return _table(("city", "weeks ahead", "model", *RIVALS.values()), rows)


def _against_table(found: Mapping[str, Any]) -> str:
    places = [*found["cities"], ALL_CITIES]
    rows = [
        [place, f"{horizon}", *(_in_words(of[str(horizon)][place]) for of in against)]
        for against in (found["percent_against"].values(),)
        for place in places
        for horizon in found["horizons"]
    ]
    return _table(("city", "weeks ahead", *RIVALS.values()), rows)


def _in_words(figure: Mapping[str, float | None], times: float = 1, digits: int = 2) -> str:
    """Return a difference and, unless too few weeks are behind it, its interval."""
    values = pd.Series([figure[name] for name in ("difference", "low", "high")], dtype=float)
    difference, *ends = (f"{times * value:+.{digits}f}" for value in values.dropna())
    return f"{difference} [{', '.join(ends)}]" if ends else difference


def _capture_table(found: Mapping[str, Any]) -> str:
    rows = []
    for city, horizon, of in _rows(found):
        row = [city, horizon]
        for score in CAPTURES:
            best = max(BASELINES, key=lambda name: of["pooled"][name][horizon][score])
            figure = of["model_against"][best][horizon][score]
            row.append(_in_words(figure, times=100, digits=1))
        rows.append(row)
    return _table(("city", "weeks ahead", *CAPTURES.values()), rows)


def _total_table(found: Mapping[str, Any]) -> str:
    rows = []
    for city, horizon, of in _rows(found):
        total, cells = of["calibration"][horizon]["city"], of["calibration"][horizon]["cells"]
        rows.append(
            [
                city,
                horizon,
                f"{total['mape_percent']:.1f}",
                f"{total['bias_percent']:+.1f}",
                f"{total['coverage_percent']['80']:.0f}",
                f"{total['coverage_percent']['95']:.0f}",
                f"{total['n_test_passed_percent']:.0f}",
                f"{cells['l_test_passed_percent']:.0f}",
            ]
        )
    head = ("city", "weeks ahead", "MAPE", "bias", "in 80 %", "in 95 %", "N-test", "L-test")
    return _table(head, rows)
