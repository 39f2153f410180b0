"""Rows that something else than the store changed: seen when they are read, and not shown."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.errors import CorruptArtifact, SourceUnavailable
from pipeline.results.page import views
from pipeline.results.products.exports import export_week
from pipeline.results.products.week_report import report_page
from pipeline.results.store.database import sqlite_file
from pipeline.results.store.writer import ResultsStore
from tests.unit.results.samples import TARGET, publish, publish_as_first_version, small_city

CITY = "smallville"
EDITS = (
    "UPDATE cell_forecasts SET mean = mean * 2 WHERE row = 2 AND col = 0",
    "UPDATE cell_forecasts SET band = 0 WHERE row = 2 AND col = 0",
    "UPDATE cell_forecasts SET rank = 'first' WHERE row = 2 AND col = 0",
    "DELETE FROM cell_forecasts WHERE row = 2 AND col = 0",
    "UPDATE total_forecasts SET q90 = q90 + 1 WHERE kind = 'city'",
    "UPDATE forecast_runs SET provenance = 'recorded'",
    "UPDATE forecast_models SET version = '7'",
    "DELETE FROM row_seals WHERE table_name = 'cell_forecasts'",
)


def edit(store, sql):
    with closing(sqlite3.connect(sqlite_file(store._engine))) as base, base:
        assert base.execute(sql).rowcount > 0


@pytest.fixture
def city():
    return small_city()


@pytest.mark.parametrize("sql", EDITS)
def test_a_forecast_that_was_edited_is_not_shown_exported_or_reported(
    store, cells, city, tmp_path, sql
):
    publish(store, cells)
    edit(store, sql)
    said = rf"of {CITY} for the week of {TARGET}, revision 1, was changed.*`hotspots verify`"
    for read in (
        lambda: views.week_forecast(store, city, TARGET),
        lambda: export_week(store, city, TARGET, tmp_path / "out"),
        lambda: report_page(store, city, TARGET),
    ):
        with pytest.raises(CorruptArtifact, match=said):
            read()
    assert not (tmp_path / "out").exists()


def test_what_was_counted_is_not_summed_by_divisions_that_were_edited(store, cells):
    publish(store, cells)
    store.save_observed(CITY, [TARGET], np.ones((1, *cells.shape)), TARGET + timedelta(weeks=4))
    assert sum(views.week_outcome(store, CITY, TARGET).divisions.values()) == len(cells.row)
    edit(store, "UPDATE cell_forecasts SET division = 'Elsewhere' WHERE row = 2 AND col = 0")
    with pytest.raises(CorruptArtifact, match="its rows in cell_forecasts"):
        views.week_outcome(store, CITY, TARGET)


def test_another_week_is_still_shown(store, cells, city):
    publish(store, cells)
    publish(store, cells, target=TARGET.replace(day=11), forecast_sha256="b" * 64)
    edit(store, "UPDATE cell_forecasts SET mean = 9 WHERE run_pk = 1")
    assert views.week_forecast(store, city, TARGET.replace(day=11)).run.revision == 1


def test_checks_that_were_edited_are_not_shown(store, cells):
    publish(store, cells)
    edit(store, "UPDATE data_health SET outcome = 'fail'")
    with pytest.raises(CorruptArtifact, match="its rows in data_health"):
        store.health(CITY, TARGET)


def test_what_was_stored_before_hashes_were_kept_has_them_after_the_migration(cells, tmp_path):
    store = ResultsStore(f"sqlite:///{tmp_path / 'old.db'}")
    publish_as_first_version(store, cells)
    store.migrate()
    assert len(store.cells_frame(CITY, TARGET)) == 6
    edit(store, "UPDATE cell_forecasts SET mean = 9 WHERE row = 2")
    with pytest.raises(CorruptArtifact):
        store.cells_frame(CITY, TARGET)


@pytest.mark.parametrize("spoil", ["garbage", "cut", "a lost table", "a date that is none"])
def test_a_damaged_store_is_named(store, cells, spoil):
    publish(store, cells)
    file = sqlite_file(store._engine)
    if spoil == "a lost table":
        edit(store, "DELETE FROM cell_forecasts")
        with closing(sqlite3.connect(file)) as base:
            base.execute("DROP TABLE cell_forecasts")
    elif spoil == "a date that is none":
        edit(store, "UPDATE forecast_runs SET target_week = 'soon'")
    else:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 3] if spoil == "cut" else b"x" * len(content))
    with pytest.raises(CorruptArtifact, match=r"results store .* is damaged: .*`hotspots verify`"):
        [store.cells_frame(run.record.city, TARGET) for run in store.weeks(CITY)]


def test_a_store_that_is_locked_is_not_called_damaged(store, cells, monkeypatch):
    monkeypatch.setattr("pipeline.results.store.database.LOCK_WAIT_S", 0)
    with closing(sqlite3.connect(sqlite_file(store._engine))) as base:
        base.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnavailable, match="locked"):
            publish(store, cells)
        monkeypatch.setattr("pipeline.domain.storage.LOCK_WAIT_S", 0)
        with pytest.raises(SourceUnavailable, match=r"results.db can't be read: .*locked"):
            store.require_integrity()
