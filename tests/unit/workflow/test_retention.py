"""Which snapshots were used for what, and which may be pruned."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from pipeline.domain.city import load_city
from pipeline.lake.lake import Lake
from pipeline.workflow.refusals import note_refused
from pipeline.workflow.retention import prunable, target_weeks
from tests.unit.results.samples import make_weeks, publish, small_cells

CITY = load_city("chicago")
CRIME, WEATHER = "ijzp-q8t2", "weather_ncei"
START = datetime(2025, 12, 3, 15, tzinfo=UTC)  # a Wednesday, 9 in the morning in Chicago
FAR = START + timedelta(days=3650)


@pytest.fixture
def lake(any_lake):
    return Lake(any_lake.lake_root)


def pulled(lake, dataset, moment, rows=1):
    table = pa.table({"moment": [str(moment)] * rows, "dataset": [dataset] * rows})
    return lake.add_snapshot(
        CITY.name, dataset, table,
        pulled_at=moment, source_updated_at=moment, provenance="recorded",
    )  # fmt: skip


def forecast(store, target, stored_at, scale=1.0):
    publish(
        store, small_cells(), city=CITY.name, target=target, scale=scale,
        today=stored_at.date(), created_at=stored_at, forecast_sha256=f"{scale}" * 8,
    )  # fmt: skip


def checked(lake, issued, *snapshots):
    named = {snapshot.dataset: snapshot.ref.to_json() for snapshot in snapshots}
    info = {"issue_date": issued.isoformat(), "snapshots": named}
    return lake.write("validated", CITY.name, {"incidents": pa.table({"x": [1]})}, info)


def names(snapshots):
    return [(snapshot.dataset, snapshot.pulled_at) for snapshot in snapshots]


def test_a_forecast_was_made_from_the_newest_that_its_run_could_have(lake, store):
    target = date(2026, 1, 4)
    issued = datetime.combine(make_weeks(target).issue_date, START.timetz())
    old = pulled(lake, CRIME, issued - timedelta(days=7))
    used = pulled(lake, CRIME, issued)
    pulled(lake, CRIME, issued + timedelta(hours=2))  # the same day, after the forecast was stored
    forecast(store, target, issued + timedelta(hours=1))
    assert target_weeks(lake, CITY, CRIME, store.runs(CITY.name)) == {used.ref.path: [target]}
    assert target_weeks(lake, CITY, "weather_forecast", store.runs(CITY.name)) == {}
    # A revision made later the same day is of the later one, and the first stays what it was.
    forecast(store, target, issued + timedelta(hours=3), scale=2.0)
    used_for = target_weeks(lake, CITY, CRIME, store.runs(CITY.name))
    assert len(used_for) == 2
    assert old.ref.path not in used_for


def test_only_what_nothing_needs_is_pruned(lake, store):
    week = timedelta(days=7)
    weather = [pulled(lake, WEATHER, START + week * k) for k in range(6)]
    crime = [pulled(lake, CRIME, START + week * k) for k in range(4)]
    twice = pulled(lake, CRIME, START + week * 3 + timedelta(hours=2))
    refused = pulled(lake, CRIME, START + week * 3 + timedelta(days=1))
    later = [pulled(lake, CRIME, START + week * k) for k in (4, 5)]
    note_refused(lake, CITY.name, [(CRIME, refused.ref.to_json())])
    pulled(lake, "weather_forecast", START)
    forecast(store, date(2026, 1, 4), datetime(2026, 1, 1, tzinfo=UTC))  # issued 2025-12-31
    trained = checked(lake, (START + week).date(), crime[1])
    assert store.runs(CITY.name)[0].record.weeks.issue_date == date(2025, 12, 31)

    found = prunable(lake, CITY, store.runs(CITY.name), FAR)
    # Weather: the first, the training's, the forecast's and the newest stay. Crime: the last of
    # each refresh stays, so that the one of hours before and the refused one go.
    assert names(found) == names([crime[3], refused, weather[2], weather[3]])
    young = prunable(lake, CITY, store.runs(CITY.name), weather[3].pulled_at)
    assert names(young) == names([weather[2]])

    for snapshot in found:
        lake.prune(snapshot, FAR)
    assert prunable(lake, CITY, store.runs(CITY.name), FAR) == []
    assert [*lake.check_chain(CITY.name, CRIME), *lake.check_chain(CITY.name, WEATHER)] == []
    for kept in (*crime[:3], twice, *later, weather[0], weather[1], weather[4], weather[5]):
        assert lake.read_snapshot(kept).num_rows == 1
    assert lake.info(trained)["issue_date"] == "2025-12-10"
