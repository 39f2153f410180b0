"""What `hotspots clean` takes: old leftovers, never what may be in use."""

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.cli import main as cli
from pipeline.files import exclusive, temporary_folder
from pipeline.model import registry_client
from pipeline.settings import Settings, get_settings
from pipeline.workflow.operations import leftovers
from pipeline.workflow.operations.leftovers import find_leftovers

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD_LEFTOVERS = {
    "lake/snapshots/chicago/x/.tmp-1/table.parquet": "write cut off",
    "models/.tmp-2/model/weights.npz": "write cut off",
    "models/tmpab12/model/weights.npz": "write cut off",
    "reports/chicago/2026-01-04/.tmp-3": "write cut off",
    ".tmp-mlflow.db": "write cut off",
    "trainings/chicago-2026-01-04-retrain-ab/log": "training that is over",
    "data_docs/chicago/2025-11-26/incidents/index.html": "Data Docs",
}
KEPT = (
    "lake/snapshots/chicago/x/20261124/table.parquet",
    "models/ab/weights.npz",
    "reports/chicago/2025-01-05/forecast.csv",
    "data_docs/chicago/2025-12-03/incidents/index.html",
    "alerts/young.txt",
    "mlflow.db",
    "results.db",
)


@pytest.fixture
def home(tmp_path):
    """A home of files that are two days old, but for an alert of two years ago."""
    for name in (*OLD_LEFTOVERS, *KEPT, "alerts/old.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
    age(tmp_path, 2 * DAY)
    age(tmp_path / "alerts/old.txt", 730 * DAY)
    return tmp_path


def age(path, by):
    then = (NOW - by).timestamp()
    for inner in (path, *path.rglob("*")):
        os.utime(inner, (then, then))


def found(home):
    left = find_leftovers(Settings(home=home), now=NOW, keep_weeks=52)
    return {str(item.path.relative_to(home)): item.what for item in left}


def top(name):
    """The folder that is removed as a whole."""
    parts = name.split("/")
    for number, part in enumerate(parts):
        if part.startswith((".tmp-", "tmp")):
            return "/".join(parts[: number + 1])
    return "/".join(parts[: 2 if parts[0] == "trainings" else 3])


def test_old_leftovers_are_found_and_nothing_else(home):
    expected = {top(name): what for name, what in OLD_LEFTOVERS.items()}
    assert found(home) == {**expected, "alerts/old.txt": "alert"}


@pytest.mark.parametrize("name", OLD_LEFTOVERS)
def test_what_changed_within_a_day_may_be_in_use(home, name):
    if name.startswith("data_docs"):
        shutil.rmtree(home / "data_docs/chicago/2025-11-26")  # of which the date decides
    else:
        age(home / name, DAY / 2)
    assert top(name) not in found(home)


def test_a_training_that_is_waited_for_is_left_alone(home):
    place = home / "trainings/chicago-2026-01-04-retrain-ab"
    with exclusive(place / "lock"):
        age(place, 2 * DAY)
        assert str(place.relative_to(home)) not in found(home)
    assert str(place.relative_to(home)) in found(home)


def test_a_folder_in_use_is_too_young(tmp_path):
    with temporary_folder(tmp_path / "models") as folder:
        (folder / "weights.npz").write_bytes(b"half")
        now = datetime.now(UTC) + DAY / 2
        assert find_leftovers(Settings(home=tmp_path), now=now, keep_weeks=1) == []


def test_files_of_a_model_that_was_never_registered_are_found(tmp_path):
    settings = Settings(home=tmp_path)
    client = registry_client.open_client(settings.mlflow_database)
    experiment = client.create_experiment("x", artifact_location=(tmp_path / "mlruns").as_uri())
    runs = [client.create_run(experiment).info for _ in range(2)]
    for run in runs:
        (tmp_path / "mlruns" / run.run_id).mkdir(parents=True)
    (tmp_path / "mlruns" / "another's").mkdir()
    client.create_registered_model("x")
    client.create_model_version("x", runs[0].artifact_uri, runs[0].run_id)
    age(tmp_path / "mlruns", 2 * DAY)
    assert found(tmp_path) == {f"mlruns/{runs[1].run_id}": leftovers.UNREGISTERED}


def run(capsys, monkeypatch, home, *words):
    monkeypatch.setenv("HOTSPOTS_HOME", str(home))
    monkeypatch.setattr("pipeline.cli.upkeep.utc_now", lambda: NOW)
    get_settings.cache_clear()
    monkeypatch.setattr("sys.argv", ["hotspots", "clean", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    return capsys.readouterr().out


def test_the_command_removes_only_when_told_to(home, capsys, monkeypatch):
    before = sorted(home.rglob("*"))
    said = run(capsys, monkeypatch, home)
    assert "may go. `hotspots clean --yes` removes it." in said
    assert "training that is over" in said
    assert sorted(home.rglob("*")) == before
    assert "Removed " in run(capsys, monkeypatch, home, "--yes")
    left = {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()}
    assert left == set(KEPT)
    assert "holds nothing to remove" in run(capsys, monkeypatch, home)
