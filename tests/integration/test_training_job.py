"""A training in a process of its own: found again by a later attempt, or cleanly replaced."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.domain.errors import HotspotsError, ProcessInterrupted, WeekNotReady
from pipeline.lake.lake import Lake, Ref
from pipeline.model.registry import Registry
from pipeline.settings import get_settings
from pipeline.workflow.tasks import run_step
from pipeline.workflow.training import job as training_job
from pipeline.workflow.training.job import LOG, PROGRESS, fit_apart, fit_here, job_folder
from tests.integration.test_kills import FRESH

pytestmark = pytest.mark.slow

WAIT_S = 240  # for a process on a busy machine; a test that works is done long before


@pytest.fixture(scope="module")
def in_process(training, tmp_path_factory):
    """The hash of the model, trained in this process."""
    folder = tmp_path_factory.mktemp("here") / "model"
    return fit_here(training.settings, training.job, folder).sha256


def wait_for(condition):
    """Return what a condition gives, once it gives something."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def trainer_of(place):
    """Return the process that trains, once it does."""
    path = place / PROGRESS
    return wait_for(lambda: path.is_file() and json.loads(path.read_text())["pid"])


def times_said(place, words):
    return (place / LOG).read_text().count(words)


def attempt(settings, job, folder):
    fit_apart(settings, job, folder)


def test_a_retry_takes_the_model_of_the_process_that_its_killed_attempt_left(
    training, own_home, in_process, tmp_path
):
    place = job_folder(own_home, training.job)
    first = FRESH.Process(target=attempt, args=(own_home, training.job, tmp_path / "first"))
    first.start()
    trainer = trainer_of(place)
    os.kill(trainer, signal.SIGSTOP)  # so that it still trains when the retry comes
    first.kill()
    first.join()
    with ThreadPoolExecutor(1) as threads:
        retry = threads.submit(fit_apart, own_home, training.job, tmp_path / "second")
        wait_for(lambda: times_said(place, "waits for its turn") == 2)
        os.kill(trainer, signal.SIGCONT)
        model = retry.result(WAIT_S)
    assert model.sha256 == in_process
    assert trainer_of(place) == trainer
    assert times_said(place, " trains\n") == 1
    assert not (tmp_path / "first").exists()


def test_a_training_process_that_is_killed_is_replaced(training, own_home, in_process, tmp_path):
    place = job_folder(own_home, training.job)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(fit_apart, own_home, training.job, tmp_path / "first")
        trainer = trainer_of(place)
        os.kill(trainer, signal.SIGKILL)
        with pytest.raises(ProcessInterrupted, match="ended with -9"):
            first.result(WAIT_S)
    told = []
    model = fit_apart(own_home, training.job, tmp_path / "m", lambda *state: told.append(state))
    assert model.sha256 == in_process
    assert trainer_of(place) != trainer
    assert told
    assert all(0 < done <= total for done, total in told)


def test_the_step_of_a_task_trains_apart_and_registers_the_same_model(
    training, own_home, in_process, monkeypatch
):
    monkeypatch.setenv("HOTSPOTS_WINDOW_WEEKS", "6")
    monkeypatch.setenv("HOTSPOTS_TRAIN_EPOCHS", "2")
    monkeypatch.setenv("HOTSPOTS_TRAIN_MEMBERS", "1")
    monkeypatch.setenv("HOTSPOTS_HOME", str(own_home.home))
    get_settings.cache_clear()
    decision = {"mode": "retrain", "why": "no earlier model"}
    trained = run_step("train", training.plan, training.grid, decision)
    assert trained["sha256"] == in_process
    assert Registry(own_home, "chicago").champion().sha256 == in_process
    assert times_said(job_folder(own_home, training.job), "has trained") == 1


def test_it_reads_a_cube_in_object_storage(training, in_process, s3_url, tmp_path):
    disk, objects = Lake(training.settings.lake_root), Lake(s3_url)
    cube = Ref.from_json(training.job["cube"])
    assert objects.write("cubes", "chicago", disk.read(cube), disk.info(cube)) == cube
    settings = training.settings.model_copy(update={"home": tmp_path, "lake_url": s3_url})
    assert fit_apart(settings, training.job, tmp_path / "model").sha256 == in_process


def test_fine_tuning_apart_gives_the_same_model_too(training, own_home, tmp_path):
    start = fit_here(own_home, training.job, tmp_path / "start").folder
    job = {**training.job, "mode": "fine_tune", "start_from": start.name}
    apart, here = (fit(own_home, job, tmp_path / fit.__name__) for fit in (fit_apart, fit_here))
    assert apart.sha256 == here.sha256
    assert (apart.folder / "weights.npz").read_bytes() == (here.folder / "weights.npz").read_bytes()


def test_an_error_of_the_process_comes_back_by_its_name(training, own_home, tmp_path):
    too_short = {**training.job, "edge_week": "2017-01-01"}
    with pytest.raises(WeekNotReady) as apart:
        fit_apart(own_home, too_short, tmp_path / "apart")
    with pytest.raises(WeekNotReady) as here:
        fit_here(own_home, too_short, tmp_path / "here")
    assert str(apart.value) == str(here.value)


def test_an_error_without_a_name_tells_where_the_log_is(training, own_home, tmp_path):
    wrong = {**training.job, "config": {"window_weeks": 1}}
    with pytest.raises(HotspotsError, match=r"(?s)ValidationError.*/log") as raised:
        fit_apart(own_home, wrong, tmp_path / "model")
    assert type(raised.value) is HotspotsError
    assert "Traceback" in (job_folder(own_home, wrong) / LOG).read_text()


def test_a_model_that_another_run_takes_first_is_trained_once_more(
    training, own_home, tmp_path, monkeypatch
):
    place, runs = job_folder(own_home, training.job), []

    def run_process(_settings, _place, _progress):
        runs.append(1)
        if len(runs) > 1:
            model = fit_here(own_home, training.job, place / "unfinished")
            model.folder.rename(place / f"{training_job.MODEL}{model.sha256}")

    monkeypatch.setattr(training_job, "_run_process", run_process)
    model = fit_apart(own_home, training.job, tmp_path / "model")
    assert len(runs) == 2
    assert model.folder == tmp_path / "model"


def test_a_task_that_is_stopped_stops_its_process(training, own_home, tmp_path):
    class Stopped(BaseException):
        pass

    def stop(*_):
        raise Stopped

    with pytest.raises(Stopped):
        fit_apart(own_home, training.job, tmp_path / "model", stop)
    trainer = trainer_of(job_folder(own_home, training.job))
    with pytest.raises(ProcessLookupError):
        os.kill(trainer, 0)
