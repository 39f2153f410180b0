"""Time what data cost before they are learnt from: `make bench-data`.

Reports on the grid, beside pandas, DuckDB and geopandas on the same points, each on one core; the
steps of a week of half a million simulated rows, and again without training; each step of a week
that trains anew, fine-tunes or reuses; and how the cost grows with history and grid. SIMULATED or
random throughout: this measures speed and memory, never skill.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from queue import Queue

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.city import City, load_city
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from pipeline.domain.errors import InvalidRequest
from pipeline.grid.build import build_cube
from pipeline.lake.lake import Lake, Ref
from pipeline.model.channels import CHANNELS, log_rates
from pipeline.model.inputs import read_history
from pipeline.model.windows import TARGET
from pipeline.quality.gate import check_incidents
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.sources.calendar import weekly_calendar
from pipeline.workflow.checked import read_checked
from pipeline.workflow.plan import make_plan
from pipeline.workflow.reads import Reads
from pipeline.workflow.run import Week, run_week
from scripts.bench_grid import FIRST_SUNDAY, Rows, gridding, made_up_incidents, timed
from scripts.bench_record import show, tell

WEEK_FIRST, WEEK_LAST = date(2024, 1, 7), date(2025, 12, 31)  # some half a million rows
STEPS_FIRST = date(2023, 1, 1)
HISTORY_YEARS = (1, 5, 15)
FINER = (1, 2, 4)  # times as many rows and columns


def _serve(addresses: Queue, source_days: tuple[date, date]) -> None:
    with ReplayServer(simulate(1, *source_days)) as server:
        addresses.put(server.url)
        time.sleep(3600)


@contextmanager
def _portal(first: date) -> Iterator[Settings]:
    """Give settings of a new home, and serve simulated rows from a day on in another process."""
    context = multiprocessing.get_context("spawn")
    addresses = context.Queue()
    serving = context.Process(target=_serve, args=(addresses, (first, WEEK_LAST)), daemon=True)
    serving.start()
    try:
        with tempfile.TemporaryDirectory() as home:
            url = addresses.get(timeout=300)
            yield Settings(home=Path(home), replay_url=url, history_start=f"{first}")
    finally:
        serving.terminate()


def a_week() -> tuple[Rows, dict[str, float]]:
    """Run a week of half a million rows, then the next one without training."""
    with _portal(WEEK_FIRST) as settings:
        return _two_weeks(settings.model_copy(update={"train_epochs": 2}))


def steps() -> tuple[Rows, dict[str, float]]:
    """Run three past weeks of three years of rows, five weeks apart, and time every step."""
    now = _day_known()
    by_step: dict[str, list[str]] = {}
    with _portal(STEPS_FIRST) as settings:
        for weeks_back, training in ((10, "retrain"), (5, "fine_tune"), (0, "reuse")):
            for step, cpu_s in _step_s(settings, now, weeks_back, training).items():
                by_step.setdefault(step, []).append(f"{cpu_s:.1f}")
    rows = [(f"CPU s of {step}", " / ".join(found)) for step, found in by_step.items()]
    return [*rows, ("peak memory", f"{_peak_mb():.0f} MB")], {}


def _step_s(settings: Settings, now: datetime, weeks_back: int, training: str) -> dict[str, float]:
    """Return the CPU seconds of each step of a week so many weeks back."""
    issued = now.date() - timedelta(weeks=weeks_back)
    plan = make_plan(
        settings, city="los_angeles", issue_date=f"{issued}", training=training, now=now
    )
    began: dict[str, float] = {}

    def watch(step: str) -> None:
        began[step] = time.process_time()

    run_week(settings, plan, now=now, watch=watch)
    ends = [*list(began.values())[1:], time.process_time()]
    return {step: end - began[step] for step, end in zip(began, ends, strict=True)}


def _day_known() -> datetime:
    return datetime.combine(WEEK_LAST + timedelta(days=14), datetime.min.time(), UTC)


def _two_weeks(settings: Settings) -> tuple[Rows, dict[str, float]]:
    now = _day_known()
    seconds: dict[str, float] = {}
    peak: dict[str, float] = {}
    step, since = "", time.perf_counter()

    def watch(name: str) -> None:
        nonlocal step, since
        seconds[step], peak[step] = time.perf_counter() - since, _peak_mb()
        step, since = name, time.perf_counter()

    first = make_plan(settings, city="los_angeles", issue_date=None, data_interval_end=now, now=now)
    done = run_week(settings, first, now=now, watch=watch)
    rows_in = done.validated["rows_in"]
    pull_s, check_s = seconds["pull_crime"], seconds["validate"]
    gate_s, gated = _gate_s(settings, done)
    later = now + timedelta(weeks=1)
    again = make_plan(
        settings, city="los_angeles", issue_date=None, data_interval_end=later,
        training="reuse", now=later,
    )  # fmt: skip
    started = time.perf_counter()
    run_week(settings, again, now=later)
    week_s = time.perf_counter() - started
    return [
        (f"{rows_in:,} replayed rows pulled", f"{pull_s:.1f} s, {peak['pull_crime']:.0f} MB"),
        ("the same checked", f"{check_s:.1f} s, {check_s / rows_in * 1e6:.1f} s a million"),
        (f"checks alone, of {gated:,} reports, without Data Docs", f"{gate_s:.1f} s"),
        ("a week without training", f"{week_s:.1f} s"),
    ], {
        "gate_s": gate_s,
        "pull_s": pull_s,
        "check_s_per_million": check_s / rows_in * 1e6,
        "week_s": week_s,
    }


def _gate_s(settings: Settings, week: Week) -> tuple[float, int]:
    """Return CPU seconds of the checks of eight times a week's reports, two years apart; how many.

    Raises:
        InvalidRequest: they don't all pass, so that something else was timed.
    """
    city, validated = settings.city(week.plan.city), week.validated
    lake = Lake(settings.lake_root)
    incidents, _ = read_checked(lake, Ref.from_json(validated["ref"]), Reads())
    copies = pa.concat_tables(_two_years_earlier(incidents, times) for times in range(7, -1, -1))
    known_through = date.fromisoformat(validated["known_through"])
    check = partial(
        check_incidents, city, copies, issue_date=week.plan.issue_date,
        known_through=known_through, docs_dir=None,
    )  # fmt: skip
    seconds, gate = timed(check, 1)
    if len(gate.left_out):  # type: ignore[attr-defined]
        raise InvalidRequest("Some copies of checked reports fail a check; mend the bench.")
    return seconds, copies.num_rows


def _two_years_earlier(incidents: pa.Table, times: int) -> pa.Table:
    """Return reports as if they had come so many times 104 weeks earlier, with ids of their own."""
    moved = {name: incidents[name] for name in incidents.column_names}
    for name in ("occurred_on", "reported_on"):
        days = pc.subtract(incidents[name].cast(pa.int32()), times * 104 * 7)
        moved[name] = days.cast(pa.int32()).cast(pa.date32())
    moved["incident_id"] = pc.binary_join_element_wise(incidents["incident_id"], str(times), "-")
    return INCIDENTS.conform(pa.table(moved))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth() -> tuple[Rows, dict[str, float]]:
    """Measure how cost grows with years of history, and with cells of the grid."""
    rows, figures = [], {}
    city = load_city("los_angeles")
    spent = [_steps_s(city, years * 52) for years in HISTORY_YEARS]
    for name in spent[0]:
        power = _power(HISTORY_YEARS, [one[name] for one in spent])
        cost = ", ".join(f"{one[name]:.2f}" for one in spent)
        rows.append((f"{name}: 1, 5, 15 years of history", f"{cost} s; years ^ {power:.2f}"))
    figures["as_of_15_years_s"] = spent[-1]["counts as of a week"]
    finer = [_steps_s(_finer(city, times), 104) for times in FINER]
    for name in finer[0]:
        power = _power([times**2 for times in FINER], [one[name] for one in finer])
        cost = ", ".join(f"{one[name]:.2f}" for one in finer)
        rows.append((f"{name}: grid of 1, 4, 16 times the cells", f"{cost} s; cells ^ {power:.2f}"))
    return rows, figures


def _finer(city: City, times: int) -> City:
    rows, cols = city.grid.rows * times, city.grid.cols * times
    grid = city.grid.model_copy(update={"rows": rows, "cols": cols})
    return city.model_copy(update={"grid": grid, "cells_file": None})


def _steps_s(city: City, weeks: int) -> dict[str, float]:
    """Return CPU seconds of a cube, of its counts as of a week, and of a forecast's channels."""
    coarse = load_city("los_angeles")
    incidents = made_up_incidents(coarse, weeks, weeks * 4_000)
    last = FIRST_SUNDAY + timedelta(weeks=weeks, days=-1)
    starts = [FIRST_SUNDAY + timedelta(weeks=k) for k in range(weeks + 12)]
    calendar = weekly_calendar(city, starts)
    no_weather = WEATHER_DAILY.schema.empty_table()
    make = partial(build_cube, city, incidents, no_weather, calendar, known_through=last)
    cube_s, (cube, _) = timed(make, 1)  # type: ignore[misc]
    edge = cube.whole_weeks[-1]
    as_of_s, _ = timed(lambda: cube.as_of(edge).counts(city.offences.target))
    view = cube.as_of(edge)
    history = read_history(view, city, ())
    others = history.kinds.others
    rates = partial(
        log_rates, {TARGET: history.target, **others}, view.cells.mask, history.newest, CHANNELS
    )
    rates_s, _ = timed(rates)
    return {"cube": cube_s, "counts as of a week": as_of_s, "channels of a forecast": rates_s}


def _power(sizes: list[int] | tuple[int, ...], seconds: list[float]) -> float:
    """Return the slope of log seconds on log size."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(seconds, 1e-4)), 1)[0])


def main() -> None:
    """Measure everything, print it and keep it."""
    rows, figures = [], {}
    for part in (gridding, a_week, steps, growth):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            more_rows, more_figures = process.submit(part).result()  # its peak memory is its own
        rows += more_rows
        figures |= more_figures
    show("Data", rows)
    tell("data", figures)


if __name__ == "__main__":
    main()
