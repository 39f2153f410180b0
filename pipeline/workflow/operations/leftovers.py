"""What a home may lose: what killed processes left, and what only grows."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from pipeline.files import TEMPORARY, is_held
from pipeline.model.registry_client import unregistered_runs
from pipeline.settings import Settings
from pipeline.workflow.training.job import LOCK

IN_USE_FOR = timedelta(days=1)  # longer than any task may run
CUT_OFF, TRAINING = "write cut off", "training that is over"
UNREGISTERED, DOCS, ALERT = "model never registered", "Data Docs", "alert"


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nothing needs any more.

    Attributes:
        path: where it lies.
        what: its kind, in words.
        size_bytes: of all its files.
    """

    path: Path
    what: str
    size_bytes: int


def find_leftovers(settings: Settings, *, now: datetime, keep_weeks: int) -> list[Leftover]:
    """Return what may go: nothing changed within a day, nor anything that a process holds.

    Args:
        settings: the installation; its lake is looked through where it lies in `home`.
        now: the present instant.
        keep_weeks: Data Docs and alerts go when they are older than this.
    """
    edge = now - timedelta(weeks=keep_weeks)
    found = [
        *((path, CUT_OFF) for path in _cut_off(settings.home)),
        *((path, TRAINING) for path in _trainings(settings.trainings_dir)),
        *((path, UNREGISTERED) for path in _unregistered(settings)),
        *((path, DOCS) for path in _docs(settings.home / "data_docs", edge.date())),
        *((path, ALERT) for path in (settings.home / "alerts").glob("*.txt")),
    ]
    guards = {ALERT: edge}
    left = []
    for path, what in found:
        size_bytes, changed_at = _measure(path)
        if changed_at < guards.get(what, now - IN_USE_FOR).timestamp():
            left.append(Leftover(path, what, size_bytes))
    return left


def remove(leftover: Leftover) -> None:
    """Delete what was found."""
    if leftover.path.is_dir():
        shutil.rmtree(leftover.path)
    else:
        leftover.path.unlink(missing_ok=True)


def _cut_off(home: Path) -> Iterator[Path]:
    """Yield what was written under a temporary name: by this code, and by earlier releases."""
    for folder, folders, files in os.walk(home):
        here = Path(folder)
        is_old = [name for name in folders if here == home / "models" and name.startswith("tmp")]
        gone = [*is_old, *(name for name in folders + files if name.startswith(TEMPORARY))]
        yield from (here / name for name in gone)
        folders[:] = [name for name in folders if name not in gone]


def _trainings(folder: Path) -> Iterator[Path]:
    for place in folder.glob("[!.]*"):
        if place.is_dir() and not is_held(place / LOCK):
            yield place


def _unregistered(settings: Settings) -> list[Path]:
    runs = settings.home / "mlruns"
    folders = [path for path in runs.glob("[!.]*") if path.is_dir()]
    return unregistered_runs(settings.mlflow_database, folders) if folders else []


def _docs(folder: Path, edge: date) -> Iterator[Path]:
    for week in folder.glob("*/*-*-*"):
        if date.fromisoformat(week.name) < edge:
            yield week


def _measure(path: Path) -> tuple[int, float]:
    """Return the bytes of a file or folder, and when anything in it was last changed."""
    stats = [path.lstat(), *(inner.lstat() for inner in path.rglob("*"))]
    return sum(stat.st_size for stat in stats), max(stat.st_mtime for stat in stats)
