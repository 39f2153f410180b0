"""A backup of the results store on a real PostgreSQL, and back into another."""

from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.results.store.copying import copy_store
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.operations.backup import back_up
from pipeline.workflow.operations.restore import restore
from tests.services import create_database
from tests.unit.results.samples import BEFORE, HEALTH, TARGET, publish, small_cells

CITY, OTHER_SHA256 = "smallville", "b" * 64


def test_it_comes_back_row_by_row_and_goes_on(postgres, tmp_path):
    """The numbers of rows go on too: the next forecast must not meet one that is taken."""
    old, new = (create_database(postgres, name) for name in ("backed_up", "restored"))
    store = ResultsStore(old)
    store.migrate()
    publish(store, small_cells())
    store.save_scores(CITY, TARGET, 1, {"m": {"rmse": 0.5}}, BEFORE)
    (tmp_path / "home").mkdir()
    made = back_up(
        Settings(home=tmp_path / "home", results_url=old, mlflow_url="http://mlflow:5000"),
        tmp_path / "b.zip",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert "HOTSPOTS_MLFLOW_URL" in " ".join(made["missing"])
    restore(Settings(home=tmp_path / "new", results_url=new), tmp_path / "b.zip")
    before, after = ResultsReader(old), ResultsStore(new)
    assert after.run(CITY, TARGET) == before.run(CITY, TARGET)
    assert after.cells_frame(CITY, TARGET).equals(before.cells_frame(CITY, TARGET))
    assert after.health(CITY, TARGET) == before.health(CITY, TARGET)
    assert len(after.health(CITY, TARGET)) == len(HEALTH)
    assert publish(after, small_cells(), scale=2.0, forecast_sha256=OTHER_SHA256) == 2
    with pytest.raises(InvalidRequest, match="holds rows already"):
        copy_store(old, new)
