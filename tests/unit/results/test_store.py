"""The results store on SQLite: revisions, locks, scores, staleness, many writers at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from pipeline.domain.errors import (
    ForecastLocked,
    InvalidRequest,
    ModelRejected,
    SourceUnavailable,
    StoreOutdated,
    WeekNotReady,
)
from pipeline.results.store.database import make_engine, sqlite_file, transaction
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.schema import MIGRATIONS
from pipeline.results.store.tables import NEWEST, Base
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import (
    BEFORE,
    HEALTH,
    TARGET,
    make_forecast,
    make_hotspots,
    make_run,
    make_weeks,
    publish,
    publish_as_first_version,
    scores_of,
)

CITY = "smallville"
NEXT = TARGET + timedelta(days=7)
SCORES = {"dual_branch_cnn": {"rmse": 0.5, "pai_1": float("nan")}, "zero": {"rmse": 0.7}}
OTHER = {"scale": 2.0, "forecast_sha256": "b" * 64}


def count(store, table):
    with transaction(store._engine) as session:
        return session.scalar(text(f"select count(*) from {table}"))


class TestPublish:
    def test_gives_back_the_run_as_it_went_in(self, store, cells):
        assert publish(store, cells) == 1
        stored = store.run(CITY, TARGET)
        assert stored.record == make_run()
        assert (stored.revision, stored.is_backfill, stored.is_live) == (1, False, True)

    def test_keeps_each_cell_with_its_distribution(self, store, cells):
        publish(store, cells)
        frame = store.cells_frame(CITY, TARGET)
        assert list(zip(frame["row"], frame["col"], strict=True)) == [
            (0, 1), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1),
        ]  # fmt: skip
        top = frame[frame["rank"] == 1].iloc[0]
        assert (top["row"], top["col"], top["division"]) == (2, 0, "Up")
        assert (top["mean"], top["nb_size"], top["band"], top["cluster"]) == (4.0, 2.0, 1, 1)
        # 1 - (1 + 4 / 2) ** -2 = 1 - 1 / 9
        assert top["p_any"] == pytest.approx(8 / 9)
        assert frame["long_run_mean"].tolist() == [0.75] * 6
        assert frame["p_top5"].tolist() == [0.0, 0.25, 0.0, 0.0, 0.75, 0.0]

    def test_keeps_totals_with_the_city_first(self, store, cells):
        publish(store, cells)
        totals = store.totals(CITY, TARGET)
        assert totals["name"].tolist() == ["city", "Up", "Down"]
        assert totals["mean"].tolist() == [7.875, 4.125, 3.75]
        assert totals.loc[0, "q10"] < totals.loc[0, "q50"] < totals.loc[0, "q90"]

    def test_keeps_checks_in_their_order(self, store, cells):
        publish(store, cells)
        assert store.health(CITY, TARGET) == list(HEALTH)

    def test_same_forecast_again_adds_nothing(self, store, cells):
        assert [publish(store, cells), publish(store, cells, run_id="again")] == [1, 1]
        assert count(store, "forecast_runs") == 1
        assert store.run(CITY, TARGET).record.run_id == "weekly_forecast/scheduled-1"

    def test_changed_forecast_adds_a_revision_and_keeps_the_first(self, store, cells):
        publish(store, cells)
        assert publish(store, cells, **OTHER) == 2
        assert store.run(CITY, TARGET).revision == 2
        assert store.totals(CITY, TARGET).loc[0, "mean"] == 15.75
        assert store.totals(CITY, TARGET, 1).loc[0, "mean"] == 7.875
        assert count(store, "cell_forecasts") == 12
        assert count(store, "forecast_models") == 1

    @pytest.mark.parametrize("today", [TARGET, TARGET + timedelta(days=40)])
    def test_changed_forecast_is_refused_once_its_week_began(self, store, cells, today):
        publish(store, cells)
        with pytest.raises(ForecastLocked, match=r"revision 1.*this run made bbbbbbbbbbbb"):
            publish(store, cells, today=today, **OTHER)
        assert store.totals(CITY, TARGET).loc[0, "mean"] == 7.875

    def test_same_forecast_is_taken_after_its_week_began(self, store, cells):
        publish(store, cells)
        assert publish(store, cells, today=TARGET) == 1
        assert not store.run(CITY, TARGET).is_backfill

    def test_changes_are_taken_on_the_last_day_before(self, store, cells):
        publish(store, cells)
        assert publish(store, cells, today=TARGET - timedelta(days=1), **OTHER) == 2

    def test_first_forecast_of_a_past_week_is_a_backfill(self, store, cells):
        assert publish(store, cells, today=TARGET) == 1
        assert store.run(CITY, TARGET).is_backfill
        with pytest.raises(ForecastLocked):
            publish(store, cells, today=TARGET, **OTHER)

    def test_long_run_mean_stability_and_checks_may_be_missing(self, store, cells):
        forecast = replace(make_forecast(), p_top5=None)
        store.publish(make_run(), forecast, make_hotspots(forecast), [], cells, today=BEFORE)
        assert store.cells_frame(CITY, TARGET)[["long_run_mean", "p_top5"]].isna().all(axis=None)
        assert store.health(CITY, TARGET) == []

    @pytest.mark.parametrize("hole", ["mean", "nb_size"])
    def test_forecast_with_a_hole_is_refused(self, store, cells, hole):
        forecast = make_forecast()
        values = getattr(forecast, hole).copy()
        values[0, 1] = np.nan
        holed = replace(forecast, **{hole: values})
        with pytest.raises(ModelRejected, match="of 6 in-city cells"):
            store.publish(make_run(), holed, make_hotspots(forecast), [], cells, today=BEFORE)
        assert count(store, "forecast_runs") == 0

    def test_failure_half_way_leaves_nothing(self, store, cells):
        forecast = make_forecast()
        with pytest.raises(KeyError):
            store.publish(
                make_run(), forecast, make_hotspots(forecast), [{"name": "x"}], cells, today=BEFORE
            )
        for table in ("forecast_runs", "cell_forecasts", "total_forecasts", "forecast_models"):
            assert count(store, table) == 0

    def test_sizes_past_any_use_are_kept_finite(self, store, cells):
        forecast = make_forecast()
        poisson = replace(forecast, nb_size=np.where(np.isfinite(forecast.mean), np.inf, np.nan))
        store.publish(make_run(), poisson, make_hotspots(forecast), [], cells, today=BEFORE)
        assert (store.cells_frame(CITY, TARGET)["nb_size"] == 1e6).all()


class TestReading:
    def test_lists_current_runs_newest_first(self, store, cells):
        publish(store, cells)
        publish(store, cells, **OTHER)
        publish(store, cells, target=NEXT)
        listed = [(run.record.weeks.target_week, run.revision) for run in store.weeks(CITY)]
        assert listed == [(NEXT, 1), (TARGET, 2)]
        assert store.latest(CITY).record.weeks == make_weeks(NEXT)
        assert store.cities() == [CITY]
        assert store.weeks("elsewhere") == []

    def test_says_what_is_missing(self, store, cells):
        with pytest.raises(WeekNotReady, match="smallville has no stored forecast"):
            store.latest(CITY)
        publish(store, cells)
        with pytest.raises(WeekNotReady, match="no forecast for the week of 2026-01-11"):
            store.cells_frame(CITY, NEXT)
        with pytest.raises(WeekNotReady, match="no revision 2 of the forecast"):
            store.run(CITY, TARGET, 2)

    def test_store_without_file_or_tables_is_not_ready(self, tmp_path):
        reader = ResultsReader(f"sqlite:///{tmp_path / 'none.db'}")
        with pytest.raises(WeekNotReady, match="no results store at"):
            reader.weeks(CITY)
        assert not (tmp_path / "none.db").exists()
        sqlite3.connect(tmp_path / "none.db").close()
        (tmp_path / "none.db").touch()
        with pytest.raises(WeekNotReady, match="no tables yet"):
            reader.weeks(CITY)

    @pytest.mark.parametrize("url", ["nonsense", "oracle9://x/y", ""])
    def test_unusable_url_is_named(self, url):
        with pytest.raises(InvalidRequest, match="HOTSPOTS_RESULTS_URL"):
            ResultsReader(url)

    def test_broken_database_is_unavailable_and_its_password_hidden(self):
        url = "postgresql+psycopg://user:secret@127.0.0.1:1/nowhere"
        with pytest.raises(SourceUnavailable) as caught:
            ResultsReader(url).weeks(CITY)
        assert "secret" not in str(caught.value)
        assert "127.0.0.1:1" in str(caught.value)


class TestScores:
    def test_week_is_unscored_until_its_scores_are_kept(self, store, cells):
        publish(store, cells)
        publish(store, cells, target=NEXT)
        assert store.unscored(CITY, TARGET - timedelta(days=7)) == []
        assert [r.record.weeks.target_week for r in store.unscored(CITY, NEXT)] == [TARGET, NEXT]
        store.save_scores(CITY, TARGET, 1, SCORES, date(2026, 2, 1))
        assert [r.record.weeks.target_week for r in store.unscored(CITY, NEXT)] == [NEXT]
        assert store.status(CITY).weeks_scored == 1

    def test_new_revision_is_unscored_again(self, store, cells):
        publish(store, cells)
        store.save_scores(CITY, TARGET, 1, SCORES, date(2026, 2, 1))
        publish(store, cells, **OTHER)
        assert [run.revision for run in store.unscored(CITY, TARGET)] == [2]

    def test_score_without_value_is_nan(self, store, cells):
        publish(store, cells)
        store.save_scores(CITY, TARGET, 1, SCORES, date(2026, 2, 1))
        scores = scores_of(store, "pai_1", "rmse").set_index(["model", "score"])["value"]
        assert np.isnan(scores["forecast", "pai_1"])
        assert scores["zero", "rmse"] == 0.7

    def test_later_knowledge_replaces_earlier_and_never_the_other_way(self, store, cells):
        publish(store, cells)
        for day, value in ((10, 0.5), (20, 0.6), (15, 0.9)):
            store.save_scores(CITY, TARGET, 1, {"m": {"rmse": value}}, date(2026, 2, day))
        (row,) = scores_of(store, "rmse").to_dict("records")
        assert (row["value"], row["scored_edge_week"]) == (0.6, date(2026, 2, 20))

    def test_scores_need_their_forecast(self, store, cells):
        publish(store, cells)
        with pytest.raises(WeekNotReady, match="no revision 7"):
            store.save_scores(CITY, TARGET, 7, SCORES, date(2026, 2, 1))


class TestStatus:
    def test_city_without_forecast_has_a_status(self, store):
        status = store.status(CITY)
        assert (status.latest, status.weeks_stored, status.stale) == (None, 0, None)

    def test_stale_until_a_forecast_is_published(self, store, cells):
        publish(store, cells)
        store.mark_stale(CITY, "the feed is 40 days old", date(2026, 1, 6))
        store.mark_stale(CITY, "a check failed", date(2026, 1, 7))
        status = store.status(CITY)
        assert (status.stale.week, status.stale.detail) == (NEXT, "a check failed")
        assert status.latest == store.latest(CITY)
        # Issued four days before its week: 7 January.
        publish(store, cells, target=NEXT, today=date(2026, 1, 7))
        assert store.status(CITY).stale is None

    @pytest.mark.parametrize("today", [NEXT, NEXT + timedelta(days=30)])
    def test_a_late_forecast_of_the_missing_week_ends_it_too(self, store, cells, today):
        publish(store, cells)
        store.mark_stale(CITY, "a check failed", date(2026, 1, 7))
        publish(store, cells, target=NEXT, today=today)
        assert store.status(CITY).stale is None

    def test_earlier_weeks_and_revisions_leave_it_stale(self, store, cells):
        publish(store, cells)
        store.mark_stale(CITY, "a check failed", date(2026, 1, 7))
        publish(store, cells, scale=2.0, forecast_sha256="b" * 64)
        publish(store, cells, target=TARGET - timedelta(days=7), today=date(2026, 1, 8))
        assert store.status(CITY).stale.week == NEXT

    def test_a_week_that_has_its_forecast_is_not_stale(self, store, cells):
        publish(store, cells)
        store.mark_stale(CITY, "a check failed", date(2025, 12, 31))
        assert store.status(CITY).stale is None


class TestSchema:
    def test_migrations_make_the_tables_that_the_code_expects(self, store):
        with store._engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": "hotspots_schema_version"}
            )
            assert compare_metadata(context, Base.metadata) == []

    def test_the_newest_migration_is_the_one_that_the_code_needs(self):
        assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == NEWEST

    def test_migrating_twice_keeps_what_is_there(self, store, cells):
        publish(store, cells)
        store.migrate()
        assert store.run(CITY, TARGET).revision == 1

    def test_a_store_of_the_first_version_is_refused_until_it_is_brought_up_to_date(
        self, tmp_path, cells
    ):
        store = ResultsStore(f"sqlite:///{tmp_path / 'old.db'}")
        publish_as_first_version(store, cells)
        with pytest.raises(StoreOutdated, match=r"at migration 0001.*Run `hotspots migrate`"):
            store.cells_frame(CITY, TARGET)
        store.migrate()
        brought = store.cells_frame(CITY, TARGET)
        assert brought["mean"].tolist() == [0.5, 2.0, 0.25, 1.0, 4.0, 0.125]
        assert brought["p_top5"].isna().all()
        assert publish(store, cells, **OTHER) == 2
        assert store.cells_frame(CITY, TARGET)["p_top5"].sum() == 1.0

    def test_going_back_to_the_first_version_keeps_the_forecasts(self, store, cells):
        publish(store, cells)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with transaction(store._engine, is_write=True) as session:
            config.attributes["connection"] = session.connection()
            command.downgrade(config, "0001")
        store.migrate()
        assert store.cells_frame(CITY, TARGET)["p_top5"].isna().all()
        assert store.totals(CITY, TARGET)["mean"].tolist() == [7.875, 4.125, 3.75]

    def test_first_starts_at_the_same_time_agree(self, tmp_path: Path):
        url = f"sqlite:///{tmp_path / 'new 100%' / 'r.db'}"
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: ResultsStore(url).migrate(), range(4)))
        assert ResultsStore(url).cities() == []

    def test_engine_of_sqlite_keeps_foreign_keys(self, store):
        with transaction(store._engine) as session:
            assert session.scalar(text("pragma foreign_keys")) == 1

    def test_only_sqlite_on_disk_has_a_file(self):
        assert sqlite_file(make_engine("sqlite:////a/b.db")) == Path("/a/b.db")
        assert sqlite_file(make_engine("sqlite://")) is None
        assert sqlite_file(make_engine("postgresql+psycopg://u@127.0.0.1/d")) is None


@pytest.mark.parametrize("is_same", [True, False])
def test_eight_writers_of_five_weeks_lose_and_double_nothing(store, cells, is_same):
    weeks = [TARGET + timedelta(days=7 * k) for k in range(5)]

    def write(writer: int) -> list[int]:
        sha256 = "a" * 64 if is_same else f"{writer:064d}"
        run_id = f"writer-{writer}"
        return [
            publish(store, cells, target=w, forecast_sha256=sha256, run_id=run_id) for w in weeks
        ]

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(write, range(8)))
    expected = [1] * 8 if is_same else list(range(1, 9))
    for k in range(5):
        assert sorted(written[k] for written in revisions) == expected
    assert count(store, "forecast_runs") == (5 if is_same else 40)
    # Six cells and three totals for each run.
    assert count(store, "cell_forecasts") == 6 * count(store, "forecast_runs")
    assert count(store, "total_forecasts") == 3 * count(store, "forecast_runs")
    assert count(store, "forecast_models") == 1
