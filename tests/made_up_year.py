"""A year of made-up Los Angeles in a results store, marked simulated: forecasts, outcomes, scores.

Run as `python -m tests.made_up_year sqlite:///FILE` it fills a store to look at.
"""

import hashlib
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np

from pipeline.domain.city import load_city
from pipeline.domain.distributions import CountDistribution, Forecast
from pipeline.domain.weeks import ForecastWeeks
from pipeline.evaluation.hotspots import find_hotspots
from pipeline.evaluation.scores import score_week
from pipeline.model.channels import smooth
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import make_run

CITY = "los_angeles"
LAST_TARGET = date(2026, 11, 15)
WEEK = timedelta(days=7)
HORIZON = 3
HISTORY_WEEKS = 30  # known weeks before the first forecast
UNFITTED_WEEKS = 20  # the first scored weeks have no score of the regression
CENTRES = ((33, 47, 9.0), (26, 42, 14.0), (38, 36, 5.0), (50, 28, 4.0), (3, 56, 3.0), (22, 25, 3.0))
CHECKS = (
    ("incidents", "newest_report", "pass", "9 days old", "35 at most", 0),
    ("incidents", "in_box", "warn", "41 outside", "none", 41),
    ("incidents", "unique_key", "pass", "0 repeated", "none", 0),
    ("weather_daily", "stations", "warn", "1 of 5 stations had no data on 2 days", "all", 2),
)
TALLY = {
    "rows in": 51_230, "not yet published on the issue date": 0, "quarantined": 63,
    "missing date": 22, "accepted": 51_167, "placed on the grid": 50_912,
    "not placed: out of box": 255,
}  # fmt: skip


def rates(cells, week_index):
    """Expected reports per cell, (rows, cols): some centres, a floor, a mild season."""
    row, col = np.indices(cells.shape)
    rate = np.full(cells.shape, 0.04)
    for r, c, width in CENTRES:
        rate += 1.6 * np.exp(-((row - r) ** 2 + (col - c) ** 2) / (2 * width)) * (5 / width) ** 0.3
    season = 1 + 0.15 * np.sin(2 * np.pi * week_index / 52)
    return np.where(cells.mask, rate * season, np.nan)


def fill(url, weeks=55, never_issued=()):
    """Fill a store with `weeks` issued weeks; all but the last three are known and scored."""
    store, city = ResultsStore(url), load_city(CITY)
    store.migrate()
    cells, rng = city.listed_cells(), np.random.default_rng(7)
    first = LAST_TARGET - WEEK * (weeks - 1)
    starts = [first + WEEK * k for k in range(-HISTORY_WEEKS, weeks - HORIZON)]
    truth = [np.nan_to_num(rates(cells, k - HISTORY_WEEKS)) for k in range(len(starts))]
    counts = np.array([rng.poisson(rate * rng.gamma(40, 1 / 40)) for rate in truth])
    long_run = np.where(cells.mask, counts[:HISTORY_WEEKS].mean(axis=0), np.nan)
    store.save_card(CITY, "3", "m" * 64, "# Model card: Los Angeles, version 3\n")
    store.save_observed(CITY, starts, counts, LAST_TARGET - WEEK * HORIZON)
    for k in range(weeks):
        noise = rng.gamma(30, 1 / 30, cells.shape)
        if first + WEEK * k in never_issued:
            continue
        forecast = _forecast(first + WEEK * k, rates(cells, k) * noise, cells)
        _publish(store, cells, forecast, long_run)
        if k < weeks - HORIZON:
            _score(store, cells, forecast, long_run, counts, k)
    return store


def _forecast(target, mean, cells):
    size = np.where(cells.mask, 6.0, np.nan)
    division = np.array(cells.division)
    values = mean[cells.row, cells.col]
    totals = {
        name: CountDistribution(float(values[division == name].sum()), 25.0)
        for name in sorted(set(cells.division))
    }
    weeks = ForecastWeeks(target - timedelta(days=4), target - WEEK * HORIZON, target)
    total = CountDistribution(float(values.sum()), 35.0)
    is_high = mean >= np.nanquantile(mean, 0.95)
    p_top5 = np.where(np.isnan(mean), np.nan, np.where(is_high, 0.95, 0.01))
    return Forecast(weeks, mean, size, total, totals, "dual_branch_cnn", "m" * 64, p_top5)


def _publish(store, cells, forecast, long_run):
    weeks = forecast.weeks
    run = make_run(
        city=CITY,
        run_id=f"weekly_forecast/scheduled__{weeks.issue_date}",
        weeks=weeks,
        provenance="simulated",
        forecast_sha256=hashlib.sha256(forecast.mean.tobytes()).hexdigest(),
        tally=TALLY,
        notes=("weather of one station came from its second service",),
        created_at=datetime(
            weeks.issue_date.year, weeks.issue_date.month, weeks.issue_date.day, 14, tzinfo=UTC
        ),
    )
    names = ("table", "name", "outcome", "found", "expected", "rows")
    health = [dict(zip(names, check, strict=True)) for check in CHECKS]
    hotspots = find_hotspots(forecast.mean, 1)
    store.publish(
        run, forecast, hotspots, health, cells, today=weeks.issue_date, long_run_mean=long_run
    )


def _score(store, cells, forecast, long_run, counts, k):
    place, now = (cells.row, cells.col), HISTORY_WEEKS + k
    seen = counts[: now - HORIZON + 1]
    rivals = {
        "long_run_mean": long_run, "last_week": seen[-1], "mean_20": seen[-20:].mean(axis=0),
    }  # fmt: skip
    if k >= UNFITTED_WEEKS:  # stand-ins: the mean of the known weeks, a little smoothed
        for name, smoothing in (("poisson_glm", 0.4), ("boosted_trees", 0.3)):
            rivals[name] = smooth(seen.mean(axis=0)[None], smoothing, cells.mask)[0]
    observed = counts[now][place]
    ours = score_week(forecast.mean[place], forecast.nb_size[place], observed, 1)
    scores = {"dual_branch_cnn": ours}
    scores |= {n: score_week(rate[place], 1e6, observed, 1) for n, rate in rivals.items()}
    target = forecast.weeks.target_week
    store.save_scores(CITY, target, 1, scores, target + WEEK * HORIZON)


if __name__ == "__main__":
    fill(sys.argv[1])
