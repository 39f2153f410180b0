"""Disks that are full or read-only: named errors, nothing left, and a later try works."""

import errno
import os
import resource
import signal
import sqlite3

import pytest
from sqlalchemy import text

from pipeline import files
from pipeline.domain.errors import SourceUnavailable, StorageUnavailable
from pipeline.domain.storage import naming_storage_errors
from pipeline.results.store import database
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.operations.retries import rule_of
from tests.small_disk import run_on_small_disk

WRITERS = """
from pipeline import files
from pipeline.domain.errors import StorageUnavailable
from pipeline.lake.lake import Lake
from tests.unit.lake_samples import pull

much = os.urandom(40_000)
writers = {
    "file": lambda: files.write_file(DISK / "report.html", much),
    "folder": lambda: files.write_folder(DISK / "lake" / "x", {"a": b"small", "b": much}),
    "site": lambda: files.replace_folder(DISK / "site", [("a/b", b"small"), ("c", much)]),
    "snapshot": lambda: pull(Lake(DISK / "snapshots_of")),
}
files.write_file(DISK / "report.html", b"the old one")
files.replace_folder(DISK / "site", [("c", b"the old one")])
for make_bad, said in ((FULL, "the disk is full"), (READ_ONLY, "the disk is read-only")):
    make_bad()
    for name, write in writers.items():
        try:
            write()
        except StorageUnavailable as error:
            assert said in str(error), error
            print(name)
        else:
            raise AssertionError(f"{name} was written to a disk of which {said}")
    assert not list(DISK.rglob(".tmp-*"))
    assert (DISK / "report.html").read_bytes() == b"the old one"
    assert (DISK / "site" / "c").read_bytes() == b"the old one"
    MENDED()
for write in writers.values():
    write()
assert (DISK / "site" / "c").read_bytes() == (DISK / "report.html").read_bytes() == much
"""

STORE = """
from datetime import date
from pipeline.domain.errors import StorageUnavailable
from pipeline.results.store.writer import ResultsStore

store = ResultsStore(f"sqlite:///{DISK}/results.db")
FULL()
for _ in range(2):
    try:
        store.migrate()
    except StorageUnavailable as error:
        assert "the disk is full" in str(error), error
        print("made on a full disk")
MENDED()
store.migrate()
READ_ONLY()
try:
    store.mark_stale("chicago", "no room", date(2026, 11, 25))
except StorageUnavailable as error:
    assert "read-only" in str(error), error
    print("written on a read-only disk")
MENDED()
store.mark_stale("chicago", "no room", date(2026, 11, 25))
"""

COMMAND = """
FULL()
os.environ["HOTSPOTS_HOME"] = str(DISK)
done = subprocess.run(["hotspots", "migrate"], capture_output=True, text=True)
print(done.returncode, done.stderr)
"""

TRAINING = """
from pipeline.workflow.training import job, process
place = DISK / "trainings" / "one"
place.mkdir(parents=True)
(place / "job.json").write_text('{"city": "chi')
(place / "lock").touch()
FULL()
print(process.main(str(DISK), "one"), type(job._error(place, job.REFUSED)).__name__)
MENDED()
print(process.main(str(DISK), "one"), job._error(place, 1))
"""


def test_every_writer_names_a_full_and_a_read_only_disk_and_leaves_nothing(tmp_path):
    told = run_on_small_disk(tmp_path / "disk", WRITERS).split()
    assert told == ["file", "folder", "site", "snapshot"] * 2


def test_the_store_on_a_full_and_a_read_only_disk(tmp_path):
    told = run_on_small_disk(tmp_path / "disk", STORE, size="1m").splitlines()
    assert told == ["made on a full disk"] * 2 + ["written on a read-only disk"]


def test_a_command_on_a_full_disk_ends_with_one_sentence(tmp_path):
    said = run_on_small_disk(tmp_path / "disk", COMMAND)
    assert said.startswith("5 StorageUnavailable: ")
    assert "Traceback" not in said


def test_a_training_that_can_leave_no_reason_says_that_the_disk_is_full(tmp_path):
    full, cut = run_on_small_disk(tmp_path / "disk", TRAINING).splitlines()
    assert full == "75 StorageUnavailable"
    assert cut.startswith("1 ")
    assert "job.json is cut or damaged" in cut


def test_a_file_larger_than_the_system_allows_is_named(tmp_path):
    """By RLIMIT_FSIZE, on any machine."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(StorageUnavailable, match="larger than the system allows"):
            files.write_file(tmp_path / "x", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_refusal_is_found_within_another_error(number):
    inner = RuntimeError("a library's own")
    inner.__cause__ = OSError(number, os.strerror(number), "/disk/x")
    with pytest.raises(StorageUnavailable, match="/disk/x can't be written"):
        with_names(inner)


def with_names(error):
    with naming_storage_errors():
        raise error


@pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError(2, "no"), ConnectionError()])
def test_any_other_error_stays_what_it_is(error):
    with pytest.raises(type(error)):
        with_names(error)


def test_a_database_file_that_can_t_be_opened_is_named(tmp_path):
    with pytest.raises(StorageUnavailable, match="its file can't be opened") as caught:
        ResultsStore(f"sqlite:///{tmp_path}").mark_stale("x", "y", None)
    assert rule_of(caught.value).retry_helps
    assert isinstance(caught.value.__cause__.orig, sqlite3.OperationalError)


def read_only(session):
    session.execute(text("set transaction read only"))
    session.execute(text("create table x (y int)"))


def without_room(session):
    session.execute(text("do $$ begin raise exception 'no room' using errcode = '53100'; end $$"))


def gone(session):
    session.execute(text("select pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        (read_only, StorageUnavailable),
        (without_room, StorageUnavailable),
        (gone, SourceUnavailable),
    ],
)
def test_what_postgresql_refuses_is_named_and_tried_again(postgres, do, kind):
    engine = database.make_engine(f"{postgres}/postgres")
    with pytest.raises(kind) as caught, database.transaction(engine, is_write=True) as session:
        do(session)
    assert rule_of(caught.value).retry_helps
