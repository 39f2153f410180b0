"""The process that trains one model: `python -m pipeline.workflow.training.process HOME NAME`.

NAME is a folder in HOME/trainings that holds the job. The process waits while another one trains
it, and is done at once where that one has finished. Otherwise it trains, writing down how far it
is, and leaves the model under its hash, or the name of what went wrong.
"""

import json
import logging
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.console import print_unforeseen
from pipeline.domain.errors import CorruptArtifact, StorageUnavailable
from pipeline.domain.storage import naming_storage_errors
from pipeline.files import exclusive, write_file
from pipeline.masking import HidingFormatter, hidden
from pipeline.settings import Settings
from pipeline.workflow.training.job import (
    FAILURE,
    JOB,
    LOCK,
    MODEL,
    PROGRESS,
    REFUSED,
    Job,
    finished,
    fit_here,
)

UNFINISHED = "unfinished"
log = logging.getLogger(__name__)


def main(home: str, name: str) -> int:
    """Train the model of a folder, unless it is there already; return the exit status.

    Args:
        home: the installation's home.
        name: the folder's name.
    """
    settings = Settings(home=Path(home))
    place = settings.trainings_dir / name
    log.info("waits for its turn")
    try:
        with exclusive(place / LOCK):
            if finished(place) is not None:
                log.info("finds the model that another process made")
                return 0
            return _train(settings, place)
    except StorageUnavailable:
        log.exception("can't leave word of why it failed")
        return REFUSED


def _train(settings: Settings, place: Path) -> int:
    log.info("trains")
    for left in (FAILURE, PROGRESS):
        (place / left).unlink(missing_ok=True)
    shutil.rmtree(place / UNFINISHED, ignore_errors=True)
    try:
        with naming_storage_errors():
            job = _read_job(place / JOB)
            model = fit_here(settings, job, place / UNFINISHED, _recorder(place / PROGRESS))
            model.folder.rename(place / f"{MODEL}{model.sha256}")
    except Exception as error:
        log.exception("failed")
        shutil.rmtree(place / UNFINISHED, ignore_errors=True)  # first, to make room for the reason
        failure = {"error": type(error).__name__, "message": hidden(str(error))}
        write_file(place / FAILURE, json.dumps(failure).encode())
        return 1
    log.info("has trained %s", model.sha256)
    return 0


def _read_job(path: Path) -> Job:
    """Return what is to be trained.

    Raises:
        CorruptArtifact: the file is cut or damaged.
    """
    try:
        job: Job = json.loads(path.read_bytes())
    except ValueError as error:
        raise CorruptArtifact(
            f"{path} is cut or damaged ({error}); expected a training's job as JSON. Run the "
            "step again: it writes the file anew."
        ) from error
    return job


def _recorder(path: Path) -> Callable[[int, int], None]:
    """Return what writes a training's progress, and who trains, at each whole percent."""
    written = -1

    def record(done: int, total: int) -> None:
        nonlocal written
        percent = done * 100 // total
        if percent > written:
            written = percent
            who = {"pid": os.getpid(), "host": socket.gethostname()}
            write_file(path, json.dumps({"done": done, "total": total, **who}).encode())

    return record


if __name__ == "__main__":
    logged = logging.StreamHandler()
    logged.setFormatter(HidingFormatter("%(asctime)s %(process)d %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[logged])
    sys.excepthook = print_unforeseen
    sys.exit(main(*sys.argv[1:]))
