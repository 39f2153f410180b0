"""Real reports and real weather through the real clients, against a replay of recorded files."""

from datetime import UTC, datetime

import pytest

from pipeline.domain.city import load_city
from pipeline.grid.build import cube_from_tables
from pipeline.lake.lake import Lake, Ref
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.accounting import account
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube, run_week

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def recorded(shared_data):
    with ReplayServer(RecordedData(shared_data)) as server:
        yield server


def test_a_quarter_of_los_angeles_reaches_the_cube_with_every_row_accounted_for(recorded, tmp_path):
    settings = Settings(home=tmp_path, replay_url=recorded.url, history_start="2023-01-01")
    plan = make_plan(settings, city="los_angeles", issue_date="2023-04-19", now=NOW)
    city = load_city("los_angeles")
    validated, grid = run_to_cube(settings, plan, now=NOW)
    rows = {line.label: line.rows for line in account(validated, grid)}
    assert rows["rows in"] == 48_494
    assert rows["quarantined"] == 0
    # 48,494 = 47,771 placed + 723 rapes and other sex offences, which are never placed.
    assert (rows["placed on the grid"], rows["not placed: withheld"]) == (47_771, 723)
    assert rows["of these moved to the nearest in-city cell"] == 1_361

    ref = Ref.from_json(grid["ref"])
    lake = Lake(settings.lake_root)
    assert lake.info(ref)["rows"] == rows
    tables = lake.read(ref)
    weather = cube_from_tables(city, tables).weather_table.to_pandas()
    # Two stations report; each week's weather is laid on all 1,663 cells.
    assert (weather.groupby("week_start").size() == 1_663).all()
    january = weather[weather["week_start"].astype(str) == "2023-01-08"]
    assert january["prcp_mm"].min() > 50  # the storms of 9 and 10 January 2023
    counts = tables["counts"].to_pandas()
    part_one = counts[counts["offence_class"].isin([*city.offences.target, "rape"])]
    weekly = part_one.groupby("week_start")["reports"].sum()
    # The page beside the file gives 435 to 488 Part I violent reports a week.
    assert (weekly.iloc[:12].min(), weekly.iloc[:12].max()) == (435, 488)


@pytest.mark.slow
def test_a_week_of_real_chicago_is_trained_forecast_and_stored(recorded, tmp_path):
    settings = Settings(
        home=tmp_path, replay_url=recorded.url, train_epochs=1, train_members=1, seed=3
    )
    plan = make_plan(settings, city="chicago", issue_date="2017-10-02", now=NOW)
    week = run_week(settings, plan, now=NOW)
    assert week.grid["horizon"] == 3
    store = ResultsStore(settings.results_database)
    total = store.totals("chicago", store.latest("chicago").record.weeks.target_week).iloc[0]
    # 1,315 battery and assault reports a week; even one epoch must get the level right.
    assert 1_100 < total["mean"] < 1_500
    assert total["q10"] < total["mean"] < total["q90"]
