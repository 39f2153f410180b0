"""What a training process writes and leaves."""

import json
import os

import pytest

from pipeline.domain.errors import CorruptArtifact
from pipeline.model.saved import load
from pipeline.workflow.training import process as train_process
from pipeline.workflow.training.job import (
    FAILURE,
    JOB,
    LOG,
    MODEL,
    PROGRESS,
    _error,
    finished,
    fit_apart,
    job_folder,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def place(training, own_home):
    folder = job_folder(own_home, training.job)
    folder.mkdir(parents=True)
    (folder / JOB).write_text(json.dumps(training.job))
    return folder


def run(settings, place):
    return train_process.main(str(settings.home), place.name)


def test_it_replaces_what_a_dead_one_left_and_leaves_the_model_under_its_hash(own_home, place):
    (place / "unfinished").mkdir()
    (place / "unfinished" / "weights.npz").write_bytes(b"half")
    (place / FAILURE).write_text("{}")
    assert run(own_home, place) == 0
    model = finished(place)
    assert load(model, model.name.removeprefix(MODEL)).city == "chicago"
    assert not (place / "unfinished").exists()
    assert not (place / FAILURE).exists()
    progress = json.loads((place / PROGRESS).read_text())
    assert progress["done"] == progress["total"]
    assert progress["pid"] == os.getpid()


def test_it_trains_nothing_where_the_model_is_there(own_home, place):
    (place / f"{MODEL}0000").mkdir()
    assert run(own_home, place) == 0
    assert not (place / PROGRESS).exists()


def test_it_leaves_the_name_of_what_went_wrong(own_home, place, training):
    (place / JOB).write_text(json.dumps({**training.job, "edge_week": "2017-01-01"}))
    assert run(own_home, place) == 1
    assert json.loads((place / FAILURE).read_text())["error"] == "WeekNotReady"
    assert finished(place) is None


def test_progress_is_written_at_each_whole_percent(tmp_path, monkeypatch):
    written = []

    def write(_path, content):
        written.append(json.loads(content)["done"])

    monkeypatch.setattr(train_process, "write_file", write)
    record = train_process._recorder(tmp_path / PROGRESS)
    for done in range(1, 301):
        record(done, 300)
    assert written == [1, *range(3, 301, 3)]


def test_a_job_that_was_cut_is_named_and_written_anew_by_the_next_try(own_home, place, training):
    whole = (place / JOB).read_bytes()
    (place / JOB).write_bytes(whole[:40])
    assert run(own_home, place) == 1
    told = _error(place, 1)
    assert isinstance(told, CorruptArtifact)
    assert "job.json is cut or damaged" in str(told)
    model = fit_apart(own_home, training.job, own_home.home / "model")
    assert model.city == "chicago"


def test_a_process_that_failed_by_itself_is_not_called_killed(place):
    (place / LOG).write_text("trains\nTraceback\nImportError: no tensorflow\n")
    assert "ImportError: no tensorflow" in str(_error(place, 1))
    for killed in (-9, 137):
        assert "killed, most likely for memory" in str(_error(place, killed))
