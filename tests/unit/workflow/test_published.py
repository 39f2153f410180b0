"""What was public on an issue date, by the snapshots held and by the city's rule."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import INCIDENTS
from pipeline.lake.lake import Lake
from pipeline.settings import Settings
from pipeline.sources.crime import build_incidents
from pipeline.workflow.archive import make_archive
from pipeline.workflow.plan import make_plan
from pipeline.workflow.published import as_published
from pipeline.workflow.reads import Reads
from tests.unit.quality.quality_samples import as_table

CITY = load_city("chicago")  # its file says that a day is published after 8
DATASET = CITY.datasets[0].id
NOW = datetime(2026, 8, 26, 18, tzinfo=UTC)
A_DAY = 30


def reports_through(newest: date, days: int = 150) -> pa.Table:
    """Return raw rows, A_DAY on each day to the newest, named so that a day's keep their names."""
    each = [newest - timedelta(days=k) for k in range(days) for _ in range(A_DAY)]
    return pa.table(
        {
            "id": [f"{day:%Y%m%d}{k % A_DAY}" for k, day in enumerate(each)],
            "date": [f"{day}T12:00:00" for day in each],
            "primary_type": ["BATTERY"] * len(each),
            "latitude": ["41.85"] * len(each),
            "longitude": ["-87.65"] * len(each),
        }
    )


def weekly_snapshots(lake: Lake, count: int, lag_days: int, *, last_lag_days: int | None = None):
    """Store the snapshots of so many weekly refreshes, the last on the day of NOW."""
    for k in range(count, -1, -1):
        moment = NOW - timedelta(weeks=k)
        lag = lag_days if k or last_lag_days is None else last_lag_days
        table = reports_through(moment.date() - timedelta(days=lag))
        facts = {"source_updated_at": moment, "provenance": "recorded"}
        newest = lake.add_snapshot(CITY.name, DATASET, table, pulled_at=moment, **facts)
    return newest, table


def public(root, count: int, lag_days: int, **facts):
    lake = Lake(root)
    snapshot, table = weekly_snapshots(lake, count, lag_days, **facts)
    plan = make_plan(Settings(home=root), city=CITY.name, issue_date=NOW.date(), now=NOW)
    incidents = build_incidents(CITY, {DATASET: table}).incidents
    snapshots = ((DATASET, snapshot.ref.to_json()),)
    return as_published(lake, CITY, plan, snapshots, incidents, Reads())


def test_the_first_snapshots_are_read_by_the_citys_rule(tmp_path):
    found = public(tmp_path, 3, 8)
    assert found.known_through == date(2026, 8, 18)
    assert found.notes == ()


@pytest.mark.parametrize(("snapshots", "lag_days"), [(8, 8), (9, 3)])
def test_six_refreshes_of_four_weeks_ago_are_needed_to_learn_from(tmp_path, snapshots, lag_days):
    found = public(tmp_path, snapshots, 3)
    assert found.known_through == NOW.date() - timedelta(days=lag_days)


@pytest.mark.parametrize("lag_days", [3, 12])
def test_the_rule_is_learned_from_the_feeds_own_snapshots(tmp_path, lag_days):
    found = public(tmp_path, 12, lag_days)
    assert found.known_through == NOW.date() - timedelta(days=lag_days)
    note = f"The feed publishes a day after {lag_days} days, by its own past refreshes; the city's "
    assert found.notes == (note + "file says 8.",)


def test_a_feed_behind_its_rule_is_taken_to_its_last_whole_day_and_says_so(tmp_path):
    found = public(tmp_path, 3, 8, last_lag_days=12)
    assert found.known_through == date(2026, 8, 14)
    assert found.notes[0].startswith(
        "The reports are complete through 2026-08-14, not through 2026-08-18"
    )


def test_a_late_refresh_is_read_as_of_its_own_day(tmp_path):
    lake = Lake(tmp_path)
    snapshot, table = weekly_snapshots(lake, 3, 8)
    later = NOW + timedelta(days=5)
    plan = make_plan(Settings(home=tmp_path), city=CITY.name, issue_date=later.date(), now=later)
    incidents = build_incidents(CITY, {DATASET: table}).incidents
    held = ((DATASET, snapshot.ref.to_json()),)
    # Five days on, the feed still shows what it showed; the rule alone would go five days further.
    assert as_published(lake, CITY, plan, held, incidents, Reads()).known_through == date(
        2026, 8, 18
    )


def test_an_as_of_view_holds_the_reports_filed_by_then(shared_data, tmp_path):
    frame = pd.read_parquet(shared_data / "denver" / "crime_reported_2019_2022.parquet")
    frame = frame[frame["occurred_at"].dt.year == 2021].reset_index(drop=True)
    days = {name: frame[f"{name}_at"].dt.date for name in ("occurred", "reported")}
    rows = as_table(
        INCIDENTS,
        pd.DataFrame(
            {
                "incident_id": frame.index.astype(str),
                "dataset": "none",
                "era": "other",
                "occurred_on": days["occurred"],
                "reported_on": days["reported"],
                "offence_code": "denver:" + frame["offence"],
                "offence_class": frame["offence"],
                "area": pd.array([pd.NA] * len(frame), dtype="Int32"),
                "lat": frame["latitude"],
                "lon": frame["longitude"],
                "location_status": "located",
            }
        ),
    )
    archive = make_archive(Lake(tmp_path), "denver", rows)
    for day in (date(2021, 3, 6), date(2021, 7, 4), date(2021, 12, 31)):
        by_minute = frame["reported_at"] < pd.Timestamp(day) + pd.Timedelta(days=1)
        known = archive.through(day)["incident_id"].to_pylist()
        assert sorted(known) == sorted(frame.index[by_minute].astype(str))
        assert 10_000 < len(known) < len(frame) or day.month == 12
        assert np.all(np.diff(archive.known_on) >= 0)
