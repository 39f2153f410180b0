"""What was known when: a revision shows from the pull that brought it, and never before."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.errors import QualityGateFailed
from pipeline.lake.lake import Lake
from pipeline.replay.recorded import RecordedData
from pipeline.replay.revision import REVISED_ROWS
from pipeline.replay.server import ReplayServer
from pipeline.sources.socrata import SocrataDataset
from pipeline.workflow import pull
from pipeline.workflow.accounting import account
from pipeline.workflow.backfill import Session
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube
from tests.integration.conftest import made_up_reports, small_settings


@pytest.fixture(scope="module")
def young_portal(tmp_path_factory):
    """A portal that has published reports through 2017-12-05."""
    folder = tmp_path_factory.mktemp("young")
    reports = made_up_reports()
    reports[reports["occurred_at"] < "2017-12-06"].to_parquet(folder / "crime_2016_2017.parquet")
    with ReplayServer(RecordedData(folder)) as server:
        yield server


STRAY_DAYS = ("2017-12-13", "2017-12-06", "2017-12-10", "2062-01-01", "2019-02-03")


@pytest.mark.parametrize("stray_day", STRAY_DAYS)
def test_a_report_under_a_wrong_date_moves_neither_edge_nor_horizon(tmp_path, stray_day):
    reports = made_up_reports()
    reports = reports[reports["occurred_at"] < "2017-12-06"]
    stray = reports.tail(1).assign(occurred_at=pd.Timestamp(stray_day))
    pd.concat([reports, stray]).to_parquet(tmp_path / "crime_2016_2017.parquet")
    with ReplayServer(RecordedData(tmp_path)) as server:
        settings = small_settings(server.url, tmp_path / "home")
        validated, grid = to_cube(settings, "2017-12-13", "2017-12-13T15:00")
    assert (grid["edge_week"], grid["horizon"]) == ("2017-11-26", 3)
    assert validated["snapshot_age_days"] == 8
    assert validated["quarantined_rows"] == (stray_day > "2017-12-13")


@pytest.mark.parametrize("since", ["2017-11-19", "2017-11-26"])
def test_a_target_class_whose_code_is_renamed_stops_the_week(tmp_path, since):
    reports = made_up_reports()
    reports = reports[reports["occurred_at"] < "2017-12-06"]
    is_renamed = (reports["primary_type"] == "ASSAULT") & (reports["occurred_at"] >= since)
    reports.loc[is_renamed, "primary_type"] = "ASSAULT - SIMPLE"
    reports.to_parquet(tmp_path / "crime_2016_2017.parquet")
    with ReplayServer(RecordedData(tmp_path)) as server:
        settings = small_settings(server.url, tmp_path / "home")
        with pytest.raises(QualityGateFailed) as caught:
            to_cube(settings, "2017-12-13", "2017-12-13T15:00")
    assert "class_vanished: found 0 %: 0 assault in the newest 1 week(s)" in str(caught.value)
    assert "bring the city's code map up to date" in str(caught.value)


@pytest.fixture
def spoiling(tmp_path, monkeypatch):
    """Return a function that runs a week on the young portal's rows with some of them spoiled."""

    def run(column, value, rows):
        real = SocrataDataset.fetch

        def fetch(dataset, *words):
            table = real(dataset, *words)
            values = table[column].to_pylist()
            spoiled = [value if k % 1000 < 1000 * rows else kept for k, kept in enumerate(values)]
            at = table.column_names.index(column)
            return table.set_column(at, column, pa.array(spoiled, pa.string()))

        monkeypatch.setattr(SocrataDataset, "fetch", fetch)
        reports = made_up_reports()
        reports = reports[reports["occurred_at"] < "2017-12-06"].sample(frac=1, random_state=1)
        reports.to_parquet(tmp_path / "crime_2016_2017.parquet")
        with ReplayServer(RecordedData(tmp_path)) as server:
            settings = small_settings(server.url, tmp_path / f"home-{rows}")
            return to_cube(settings, "2017-12-13", "2017-12-13T15:00")

    return run


@pytest.mark.parametrize(("column", "value"), [("date", "03/02/2017"), ("date", None), ("id", "")])
def test_rows_that_can_not_be_read_go_through_quarantine_with_its_limits(spoiling, column, value):
    validated, grid = spoiling(column, value, rows=0.005)
    lost = validated["quarantined_rows"]
    assert lost == pytest.approx(0.005 * validated["rows_in"], abs=5)
    assert validated["quarantined"] == {"incident_required_values": lost}
    assert validated["accepted"] + lost == validated["rows_in"]
    assert {line.label: line.rows for line in account(validated, grid)}["quarantined"] == lost
    with pytest.raises(QualityGateFailed, match="incidents_quarantined_many: found 30"):
        spoiling(column, value, rows=0.3)


def to_cube(settings, issue_date, now, reads=None):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    plan = make_plan(settings, city="chicago", issue_date=issue_date, now=moment)
    return run_to_cube(settings, plan, now=moment, reads=reads)


def test_a_revision_is_seen_by_the_next_week_and_by_no_rebuild_of_the_last(young_portal, tmp_path):
    settings = small_settings(young_portal.url, tmp_path / "home")
    first, first_grid = to_cube(settings, "2017-12-13", "2017-12-13T15:00")
    assert first_grid["edge_week"] == "2017-11-26"

    young_portal.set_fault("late_revision")
    second, second_grid = to_cube(settings, "2017-12-20", "2017-12-20T15:00")
    # The feed has not moved on, so the same edge lies four weeks before 12-24.
    assert (second_grid["edge_week"], second_grid["horizon"]) == ("2017-11-26", 4)
    assert second["rows_in"] == first["rows_in"] + REVISED_ROWS

    rebuilt, rebuilt_grid = to_cube(settings, "2017-12-13", "2017-12-21T15:00")
    assert rebuilt["rows_in"] == first["rows_in"]
    assert rebuilt_grid == first_grid
    young_portal.clear_faults()


def test_an_unchanged_dataset_is_not_pulled_again(young_portal, tmp_path):
    settings = small_settings(young_portal.url, tmp_path / "home")
    to_cube(settings, "2017-12-13", "2017-12-13T15:00")
    to_cube(settings, "2017-12-20", "2017-12-20T15:00")
    assert len(Lake(settings.lake_root).snapshots("chicago", "ijzp-q8t2")) == 1


def test_an_empty_snapshot_holds_nothing(young_portal, tmp_path, monkeypatch):
    settings = small_settings(young_portal.url, tmp_path / "home")
    lake, now = Lake(settings.lake_root), datetime(2017, 12, 13, 15, tzinfo=UTC)
    plan = make_plan(settings, city="chicago", issue_date="2017-12-13", now=now)
    with monkeypatch.context() as patched:
        patched.setattr(SocrataDataset, "fetch", nothing)
        pull.pull_crime(settings, plan, now=now)
    for hours in (1, 2):
        pull.pull_crime(settings, plan, now=now + timedelta(hours=hours))
    rows = [snapshot.rows for snapshot in lake.snapshots("chicago", "ijzp-q8t2")]
    assert len(rows) == 2  # the third pull finds the second's stamp unchanged
    assert rows[0] == 0 < rows[1]


def test_an_empty_snapshot_is_no_past_to_rebuild_a_week_from(young_portal, tmp_path, monkeypatch):
    settings = small_settings(young_portal.url, tmp_path / "home")
    now = datetime(2018, 1, 10, 15, tzinfo=UTC)
    plan = make_plan(settings, city="chicago", issue_date="2017-12-13", now=now)
    with monkeypatch.context() as patched:
        patched.setattr(SocrataDataset, "fetch", nothing)
        pull.pull_crime(settings, plan, now=now)
    _, grid = to_cube(settings, "2017-12-13", "2018-01-10T16:00")
    assert grid["edge_week"] == "2017-11-26"


def nothing(_dataset, columns, _key, _where=None):
    return pa.table({name: pa.array([], pa.string()) for name in columns})


def test_weeks_of_the_same_snapshots_make_their_incidents_once(young_portal, tmp_path, monkeypatch):
    settings = small_settings(young_portal.url, tmp_path / "home")
    session = Session()
    first, _ = to_cube(settings, "2017-12-13", "2017-12-13T15:00", session)

    def never(*_words):
        raise AssertionError("made again")

    monkeypatch.setattr("pipeline.sources.crime.build_incidents", never)
    second, _ = to_cube(settings, "2017-12-20", "2017-12-20T15:00", session)
    assert second["rows_in"] == first["rows_in"]
