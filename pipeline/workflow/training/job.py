"""One training: in this process, or in a fresh one that an interrupted task finds again.

A fresh process has loaded neither TensorFlow nor a device before, and goes on when the task that
started it dies. All that two attempts at a training share lies in one folder, named by what is
trained; a lock there lets one process train at a time.
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypedDict

from pipeline.domain import errors
from pipeline.domain.errors import HotspotsError, ProcessInterrupted, StorageUnavailable
from pipeline.domain.weeks import parse_date
from pipeline.files import write_file
from pipeline.grid.build import cube_from_tables
from pipeline.lake.lake import Lake, Ref
from pipeline.model.config import ModelConfig
from pipeline.model.saved import TrainedModel, load
from pipeline.settings import PREFIX, Settings

JOB, LOG, PROGRESS, FAILURE = "job.json", "log", "progress.json", "failure.json"
LOCK = "lock"
MODEL = "model-"  # followed by its sha256
LOOK_EVERY_S = 0.5
REFUSED = 75  # exit code of a process that the disk let leave no reason; sysexits' EX_TEMPFAIL
ENDED_BY_SIGNAL = 128  # a shell's exit code is this and the signal's number
log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


class Job(TypedDict):
    """All that decides the bytes of a model.

    `cube` is a Ref as JSON; `start_from` the folder, relative to the home, of the model that a
    fine-tuning starts from.
    """

    city: str
    cube: str
    edge_week: str
    config: dict[str, Any]
    features: str  # hash of what the network is shown
    mode: Literal["fine_tune", "retrain"]
    start_from: str | None


Fit = Callable[[Settings, Job, Path, Progress | None], TrainedModel]


def fit_here(
    settings: Settings, job: Job, folder: Path, progress: Progress | None = None
) -> TrainedModel:
    """Train a model in this process, into a folder, which is made.

    Raises:
        WeekNotReady: the history is too short.
        ModelRejected: the model to start from does not fit.
    """
    from pipeline.model.training import train

    city = settings.city(job["city"])
    cube = cube_from_tables(city, Lake(settings.lake_root).read(Ref.from_json(job["cube"])))
    return train(
        cube.as_of(parse_date(job["edge_week"])),
        city,
        ModelConfig(**job["config"]),
        mode=job["mode"],
        start_from=settings.home / job["start_from"] if job["start_from"] else None,
        folder=folder,
        progress=progress,
    )


def fit_apart(
    settings: Settings, job: Job, folder: Path, progress: Progress | None = None
) -> TrainedModel:
    """Train the same model in a fresh process, and move it into a folder.

    Where an earlier attempt's process still trains it, that one is waited for and its model taken;
    where it died, what it left is replaced.

    Raises:
        ProcessInterrupted: the process was killed.
        StorageUnavailable: the disk is full, read-only or out of order.
        HotspotsError: whatever `fit_here` raises, by its own name.
    """
    place = job_folder(settings, job)
    write_file(place / JOB, json.dumps(job, indent=1).encode())  # anew, should it be damaged
    while True:
        _run_process(settings, place, progress)
        made = finished(place)
        try:
            if made is not None:
                made.rename(folder)
                return load(folder, made.name.removeprefix(MODEL))
        except FileNotFoundError:
            pass
        log.warning("Another run took the model in %s; it is trained once more", place)


def job_folder(settings: Settings, job: Job) -> Path:
    """Return the folder of a training, named by city, edge week, mode and a hash of the job."""
    digest = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
    name = f"{job['city']}-{job['edge_week']}-{job['mode']}-{digest[:16]}"
    return settings.trainings_dir / name


def finished(place: Path) -> Path | None:
    """Return the folder of the model that a training made and nobody has taken yet, or None."""
    return next(place.glob(f"{MODEL}*"), None)


def _run_process(settings: Settings, place: Path, progress: Progress | None) -> None:
    """Run a training process to its end; it ends with this one unless this one is killed.

    It writes to a file and not to this process's output, which may end before it. It stays in this
    process's group, so that an operator who stops a task or a whole Airflow stops it too.
    """
    program = [sys.executable, "-m", "pipeline.workflow.training.process"]
    with (
        (place / LOG).open("ab") as output,
        subprocess.Popen(  # noqa: S603 - our own program
            [*program, str(settings.home), place.name],
            env={
                **os.environ,
                f"{PREFIX}LAKE_URL": settings.lake_url or "",
                f"{PREFIX}CITIES_DIR": str(settings.cities_dir or ""),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            while process.poll() is None:
                _wait(process)
                _tell(place, progress)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _error(place, process.returncode)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return


def _tell(place: Path, progress: Progress | None) -> None:
    """Pass on how far the training is, whichever process trains."""
    if progress is None:
        return
    try:
        state = json.loads((place / PROGRESS).read_text())
    except FileNotFoundError:  # not begun, or begun anew this moment
        return
    progress(state["done"], state["total"])


def _last_words(path: Path) -> str:
    """Return the last line of a process's log: where Python itself ends, its error."""
    lines = path.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def _error(place: Path, returncode: int) -> HotspotsError:
    """Return what ended a training process, by the name that it had there."""
    if returncode == REFUSED:
        return StorageUnavailable(
            f"{place} can't be written: its disk is full or read-only. No model was made. Make "
            "room (`hotspots clean` says what may go), then run the step again."
        )
    if not (place / FAILURE).is_file():
        was_killed = returncode < 0 or returncode > ENDED_BY_SIGNAL
        why = "it was killed, most likely for memory" if was_killed else _last_words(place / LOG)
        return ProcessInterrupted(
            f"The process that trained {place.name} ended with {returncode}, without a model and "
            f"without an error of its own: {why}. See {place / LOG}; a later try starts it anew."
        )
    failure = json.loads((place / FAILURE).read_text())
    named = getattr(errors, failure["error"], None)
    if named is None:
        return HotspotsError(f"{failure['error']}: {failure['message']} See {place / LOG}.")
    error: HotspotsError = named(failure["message"])
    return error
