"""A clock behind what is stored is refused, wherever something would be filed."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from pipeline.clock import SKEW, going_on
from pipeline.domain.errors import ClockSetBack
from pipeline.lake.lake import Lake
from pipeline.workflow.clock_floor import require_clock
from pipeline.workflow.load_history import snapshot_history
from pipeline.workflow.plan import Plan
from pipeline.workflow.pull import pull_crime, pull_weather
from tests.unit.results.samples import make_run, small_cells
from tests.unit.results.samples import publish as store_forecast

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CITY = "los_angeles"
PLAN = Plan(city=CITY, issue_date=date(2026, 11, 24), target_week=date(2026, 11, 29))
SECOND = timedelta(seconds=1)


def pulled_at(settings, moment, dataset="k7nn-b2ep"):
    Lake(settings.lake_root).add_snapshot(
        CITY, dataset, pa.table({"x": [1]}), pulled_at=moment,
        source_updated_at=None, provenance="live",
    )  # fmt: skip


def test_nothing_stored_allows_any_clock(any_lake):
    require_clock(any_lake, CITY, datetime(1999, 1, 1, tzinfo=UTC))


def test_the_newest_pull_of_any_dataset_is_the_floor(any_lake):
    pulled_at(any_lake, NOON - timedelta(days=14))
    pulled_at(any_lake, NOON, "weather_ncei")
    require_clock(any_lake, CITY, NOON - SKEW)
    require_clock(any_lake, "chicago", NOON - timedelta(days=1))
    with pytest.raises(ClockSetBack, match=r"says 2026-11-24 11:54 UTC.*newest pull.*12:00"):
        require_clock(any_lake, CITY, NOON - SKEW - SECOND)


def test_the_newest_publication_of_any_week_is_the_floor(settings, store):
    store_forecast(store, small_cells(), city=CITY)
    moment = make_run().created_at
    require_clock(settings, CITY, moment - SKEW)
    with pytest.raises(ClockSetBack, match="the newest forecast of los_angeles was stored at"):
        require_clock(settings, CITY, moment - SKEW - SECOND)


@pytest.mark.parametrize(
    "file",
    [
        lambda settings, now: pull_crime(settings, PLAN, now=now),
        lambda settings, now: pull_weather(settings, PLAN, now=now),
        lambda settings, now: snapshot_history(settings, [{"city": CITY}], now=now),
    ],
    ids=["pull_crime", "pull_weather", "snapshot_history"],
)
def test_nothing_is_pulled_under_a_clock_set_back(settings, file):
    pulled_at(settings, NOON)
    before = Lake(settings.lake_root).sizes(CITY)
    with pytest.raises(ClockSetBack, match="Set the clock right"):
        file(settings, NOON - timedelta(days=2))
    assert Lake(settings.lake_root).sizes(CITY) == before


def test_the_present_goes_on_in_a_long_step_and_never_back():
    present = going_on(NOON)
    first = present()
    assert NOON <= first <= present() < NOON + timedelta(minutes=1)
