"""A whole week of a made-up city, from the portal to the map, and the same week again."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.domain.errors import ClockSetBack, ForecastLocked, InvalidRequest, WeekNotReady
from pipeline.domain.weeks import WEEK
from pipeline.lake.lake import Lake, Ref
from pipeline.model.saved import hash_folder
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow import run
from pipeline.workflow.accounting import account
from pipeline.workflow.plan import make_plan
from pipeline.workflow.publish import publish
from pipeline.workflow.pull import pull_crime
from tests.integration.conftest import ISSUE_DATE, small_settings

pytestmark = pytest.mark.slow

NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)


def run_week(settings, issue_date=ISSUE_DATE, **chosen):
    plan = make_plan(settings, city="chicago", issue_date=issue_date, now=NOW, **chosen)
    return run.run_week(settings, plan, now=NOW)


@pytest.fixture(scope="module")
def first(portal, tmp_path_factory):
    """One finished week, and the settings it ran under."""
    portal.clear_faults()
    settings = small_settings(portal.url, tmp_path_factory.mktemp("first"))
    return settings, run_week(settings)


def test_dates_follow_the_citys_publication(first):
    _, week = first
    # Published through 12-05 (issued 12-13, 8 days' lag); the last whole week before that starts
    # 11-26; the first week after 12-13 starts 12-17: three weeks on.
    assert week.validated["known_through"] == "2017-12-05"
    assert week.grid["edge_week"] == "2017-11-26"
    assert week.plan.target_week.isoformat() == "2017-12-17"
    assert week.grid["horizon"] == 3


def test_every_row_is_accounted_for(first):
    _, week = first
    lines = {line.label: line.rows for line in account(week.validated, week.grid)}
    assert lines["rows in"] == 60 * 60 * 7
    # 12-06 to the end of the data, 2018-01-27: 53 days of about 60 reports.
    assert 2900 < lines["not yet published on the issue date"] < 3500
    assert lines["accepted"] == lines["placed on the grid"]


def test_the_store_holds_the_forecast_and_says_where_it_is_from(first):
    settings, week = first
    store = ResultsStore(settings.results_database)
    run = store.run("chicago", date(2017, 12, 17))
    cells = store.cells_frame("chicago", date(2017, 12, 17))
    assert run.record.provenance == "recorded"
    assert run.record.forecast_sha256 == week.published["forecast_sha256"]
    assert run.is_backfill
    assert len(cells) == 60
    assert cells["mean"].sum() == pytest.approx(week.forecast["city_mean"])
    # 210 target reports a week are expected: 60 a day, half of them battery or assault.
    assert 150 < cells["mean"].sum() < 280
    # 3 of 60 cells are the top 5 %, in each re-run of history.
    assert cells["p_top5"].sum() == pytest.approx(3)
    assert cells.loc[cells["rank"] == 1, "p_top5"].item() > 0.5
    assert {row["name"] for row in store.health("chicago", date(2017, 12, 17))}


def test_the_store_holds_what_was_counted_up_to_the_edge(first):
    settings, _ = first
    weeks = ResultsReader(settings.results_database).observed_weeks("chicago")
    assert weeks["week_start"].iloc[-1] == date(2017, 11, 26)
    assert set(weeks["observed_edge_week"]) == {date(2017, 11, 26)}
    # 60 reports a day, half of them battery or assault: about 210 a week.
    assert 180 < weeks["reports"].mean() < 240


def test_the_weeks_files_are_there(first):
    settings, week = first
    names = {path.rsplit("/", 1)[-1] for path in week.reported["files"]}
    assert "forecast.png" in names
    assert {"cells.csv", "cells.geojson", "cells.parquet"} <= names or len(names) >= 4
    page = (settings.home / "reports" / "chicago" / "2017-12-17" / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "RECORDED DATA" in page
    assert "Chicago: week of Dec 17 – 23, 2017" in page
    assert "report.html" in names


def test_the_model_has_a_card_and_its_hash_is_not_changed_by_it(first):
    settings, week = first
    trained = week.trained
    card = ResultsReader(settings.results_database).card("chicago", trained["version"])
    assert card.startswith(f"# Model card: Chicago, version {trained['version']}\n")
    assert "to that of 2017-11-26; " in card
    assert trained["sha256"] in card
    file = settings.home / "reports" / "chicago" / "models" / f"version_{trained['version']}.md"
    assert file.read_text() == card
    assert hash_folder(Path(trained["folder"])) == trained["sha256"]


def test_the_busiest_cell_ranks_high(first):
    settings, _ = first
    cells = ResultsStore(settings.results_database).cells_frame("chicago", date(2017, 12, 17))
    busiest = cells["long_run_mean"].idxmax()
    assert cells.loc[busiest, "rank"] <= 3


def test_a_fresh_home_gives_the_same_hashes(first, settings):
    _, week = first
    again = run_week(settings)
    assert Ref.from_json(again.grid["ref"]).sha256 == Ref.from_json(week.grid["ref"]).sha256
    assert again.trained["sha256"] == week.trained["sha256"]
    assert again.published["forecast_sha256"] == week.published["forecast_sha256"]


def test_a_lake_in_object_storage_gives_the_same_hashes(first, settings, s3_url):
    _, week = first
    again = run_week(settings.model_copy(update={"lake_url": s3_url}))
    # What was validated names its snapshots, and they the second in which they were pulled.
    elsewhere = dict.fromkeys(("ref", "data_docs"))
    assert {**again.validated, **elsewhere} == {**week.validated, **elsewhere}
    assert again.grid["ref"] == week.grid["ref"]
    assert again.trained["sha256"] == week.trained["sha256"]
    assert again.forecast["ref"] == week.forecast["ref"]
    assert again.published["forecast_sha256"] == week.published["forecast_sha256"]
    assert not (settings.home / "lake").exists()


def test_the_same_week_again_reuses_the_model_and_adds_no_revision(first):
    settings, week = first
    again = run_week(settings)
    assert again.decision["mode"] == "reuse"
    assert again.published == {**week.published, "difference": "same as revision 1"}


def test_a_changed_forecast_of_a_week_that_has_begun_is_locked(first, tmp_path):
    settings, _ = first
    home = shutil.copytree(settings.home, tmp_path / "copy")
    other = settings.model_copy(update={"home": home, "seed": 5})
    with pytest.raises(ForecastLocked, match="isn't changed once its week has begun"):
        run_week(other, training="retrain")


def test_under_a_clock_set_back_it_is_not_forecast_anew(first, tmp_path):
    settings, week = first
    home = shutil.copytree(settings.home, tmp_path / "copy")
    other = settings.model_copy(update={"home": home, "seed": 5})
    before_it = datetime(2017, 12, 14, tzinfo=UTC)
    with pytest.raises(ClockSetBack, match=r"says 2017-12-14 00:00 UTC.*stored at 2018-03-01"):
        run.run_week(other, week.plan.model_copy(update={"training": "retrain"}), now=before_it)
    with pytest.raises(ClockSetBack):
        publish(
            other, week.plan, week.validated, week.grid, week.trained, week.forecast, now=before_it
        )
    assert ResultsStore(other.results_database).latest("chicago").revision == 1


def test_a_dry_run_publishes_nothing(settings):
    week = run_week(settings, publish=False)
    assert week.published["revision"] == 0
    assert week.reported["files"] == []
    with pytest.raises(WeekNotReady):
        ResultsStore(settings.results_database).latest("chicago")


def test_a_later_week_scores_the_earlier_one_and_fine_tunes(first):
    settings, _ = first
    week = run_week(settings, "2018-01-10", run="scheduled__2018-01-10T14:00:00+00:00")
    # Edge 2017-12-24 is four weeks after 11-26, and 12-17 has become known.
    assert week.grid["edge_week"] == "2017-12-24"
    assert week.decision["mode"] == "fine_tune"
    assert week.scored["weeks"] == ["2017-12-17"]
    store = ResultsStore(settings.results_database)
    assert store.latest("chicago").record.run_id == "scheduled__2018-01-10T14:00:00+00:00"
    reader = ResultsReader(settings.results_database)
    scores = reader.current_scores("chicago", ["poisson_deviance"])
    deviance = scores.set_index("model")["value"]
    assert {"forecast", "long_run_mean", "last_week", "zero", "poisson_glm"} <= set(deviance.index)
    assert deviance["forecast"] < deviance["last_week"]
    assert any("forecast_and_outcome.png" in path for path in week.reported["files"])
    past = settings.home / "reports" / "chicago" / "2017-12-17" / "report.html"
    assert str(past) in week.reported["files"]
    assert "were counted: " in past.read_text()
    run = reader.run("chicago", date(2017, 12, 17))
    own = reader.card("chicago", run.record.model_version).split("its own forecasts")[1]
    assert "Means over 1 scored weeks from 2017-12-17" in own
    assert "`poisson_glm`" in own
    card = reader.card("chicago", week.trained["version"])
    assert "What fine-tuning did to old weeks" in card
    assert "No stored forecast has been scored yet" in card  # it is trained before the week is


def test_an_earlier_week_uses_no_later_model(first):
    settings, _ = first
    week = run_week(settings, "2017-12-06")
    assert week.decision == {"mode": "retrain", "why": "no earlier model of these features"}
    assert week.trained["trained_through"] == "2017-11-19"
    written = settings.data_docs_dir("chicago", date(2017, 12, 6)) / "incidents" / "validations"
    suites = {folder.name for folder in written.iterdir()}
    assert suites == {"incidents_schema", "incidents_rows", "incidents_table"}


def test_reuse_without_a_model_says_what_to_do(settings):
    with pytest.raises(WeekNotReady, match="training=retrain"):
        run_week(settings, training="reuse")


def test_live_and_recorded_data_do_not_mix(first):
    settings, _ = first
    lake = Lake(settings.lake_root)
    snapshot = lake.snapshots("chicago", "ijzp-q8t2")[-1]
    assert snapshot.provenance == "recorded"
    table = lake.read_snapshot(snapshot)
    pull = ingest_pull(table, "live")
    from pipeline.domain.city import load_city
    from pipeline.workflow.pull import store_pull

    with pytest.raises(InvalidRequest, match="must not mix"):
        store_pull(lake, load_city("chicago"), pull, NOW)


def test_live_sources_are_not_asked_for_a_lake_that_may_not_hold_them(first):
    settings, _ = first
    live = settings.model_copy(update={"replay_url": None})
    plan = make_plan(
        live, city="chicago", issue_date=NOW.date(), publish=False, data_interval_end=NOW, now=NOW
    )
    with pytest.raises(InvalidRequest, match="must not mix"):
        pull_crime(live, plan, now=NOW)


def test_no_dataset_is_pulled_live_beside_another_that_is_not_live(first, monkeypatch):
    """As after a demo cut short by HOTSPOTS_HISTORY_START, which left the older dataset out."""
    settings, _ = first
    live = settings.model_copy(update={"replay_url": None})
    plan = make_plan(
        live, city="chicago", issue_date=NOW.date(), publish=False, data_interval_end=NOW, now=NOW
    )
    city = live.city("chicago")
    [dataset] = city.datasets
    older = dataset.model_copy(update={"id": "0000-0000"})
    more = city.model_copy(update={"datasets": (older, dataset)})
    monkeypatch.setattr(type(live), "city", lambda *_: more)
    with pytest.raises(InvalidRequest, match="must not mix"):
        pull_crime(live, plan, now=NOW)


def ingest_pull(table, provenance):
    from pipeline.sources.pulled import Pull

    return Pull("ijzp-q8t2", table, None, provenance, ())


def test_snapshots_hold_no_column_that_was_not_asked_for(first):
    settings, _ = first
    files = list((settings.lake_root / "snapshots" / "chicago" / "ijzp-q8t2").rglob("*.parquet"))
    assert len(files) == 1
    assert set(pq.read_schema(files[0]).names) == {
        "id", "date", "primary_type", "latitude", "longitude",
    }  # fmt: skip


def test_the_cube_knows_nothing_after_its_edge(first):
    settings, week = first
    counts = Lake(settings.lake_root).read(Ref.from_json(week.grid["ref"]))["counts"].to_pandas()
    known = week.validated["known_through"]
    assert counts["week_start"].max() <= date.fromisoformat(known)
    assert np.all(counts["week_start"].map(lambda d: d.weekday()) == 6)
    assert date.fromisoformat(week.grid["edge_week"]) + 3 * WEEK == date(2017, 12, 17)
