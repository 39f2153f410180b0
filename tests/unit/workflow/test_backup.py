"""One file that holds an installation: what is in it, and what it refuses."""

import json
import random
import sqlite3
import threading
import time
import zipfile
from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import CorruptArtifact, InvalidRequest, StoreOutdated, WeekNotReady
from pipeline.results.store.copying import copy_store
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import Settings
from pipeline.workflow.operations.backup import back_up
from pipeline.workflow.operations.restore import restore
from tests.unit.results.samples import publish, small_cells

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def settings(tmp_path):
    """Settings of a home with one forecast, and files that are to be kept and that are not."""
    settings = Settings(home=tmp_path / "home")
    store = ResultsStore(settings.results_database)
    store.migrate()
    publish(store, small_cells())
    for kept in KEPT:
        write(settings.home / kept, kept.encode() * 100)
    for left in ("airflow/airflow.db", "models/1/weights.npz", "mlflow.lock", "lake/a/.tmp-1/x"):
        write(settings.home / left, b"left out")
    return settings


KEPT = ("lake/snapshots/town/reports/1/reports.parquet", "reports/town/models/1.md", "notes.txt")


@pytest.fixture
def backup(settings, tmp_path):
    back_up(settings, tmp_path / "backup.zip", now=NOW)
    return tmp_path / "backup.zip"


def rows(database):
    with sqlite3.connect(database) as connection:
        return list(connection.iterdump())


def files(home):
    return {p.relative_to(home).as_posix(): p.read_bytes() for p in home.rglob("*") if p.is_file()}


def test_what_is_kept_comes_back_and_the_rest_is_named(settings, backup, tmp_path):
    there = Settings(home=tmp_path / "other" / "place")
    held = restore(there, backup)
    found = files(there.home)
    assert set(found) == {"results.db", *KEPT}
    assert all(found[name] == name.encode() * 100 for name in KEPT)
    assert rows(there.home / "results.db") == rows(settings.home / "results.db")
    assert held["missing"] == ["Airflow's own database, connections and logs"]
    assert str(tmp_path).encode() not in zipfile.ZipFile(backup).read("manifest.json")


def test_a_store_that_is_written_meanwhile_is_copied_between_two_writes(settings, tmp_path):
    """Two tables always agree when each transaction writes to both."""
    database, done = settings.home / "results.db", threading.Event()
    with sqlite3.connect(database) as connection:
        connection.execute("create table a (n)")
        connection.execute("create table b (n)")

    def write_on():
        writer, number = sqlite3.connect(database, timeout=60, isolation_level=None), 0
        while not done.is_set():
            number += 1
            writer.execute("begin immediate")
            writer.execute("insert into a values (?)", (number,))
            writer.execute("insert into b values (?)", (number,))
            writer.execute("commit")
            time.sleep(0.002)
        writer.close()

    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        for k in range(3):
            back_up(settings, tmp_path / f"{k}.zip", now=NOW)
    finally:
        done.set()
        thread.join()
    for k in range(3):
        there = Settings(home=tmp_path / str(k))
        restore(there, tmp_path / f"{k}.zip")
        with sqlite3.connect(there.home / "results.db") as copy:
            [a], [b] = (copy.execute(f"select count(*) from {t}").fetchall() for t in "ab")
        assert a == b


def test_a_home_that_is_not_empty_is_refused_and_left_as_it_was(backup, tmp_path):
    there = Settings(home=tmp_path / "full")
    write(there.home / "mine", b"mine")
    with pytest.raises(InvalidRequest, match=r"full is not empty.* Set HOTSPOTS_HOME"):
        restore(there, backup)
    assert files(there.home) == {"mine": b"mine"}


@pytest.mark.parametrize("name", ["backup.zip", "home/backup.zip"])
def test_a_backup_replaces_nothing_and_does_not_hold_itself(settings, backup, tmp_path, name):
    with pytest.raises(InvalidRequest, match="Name a new file outside the home"):
        back_up(settings, tmp_path / name, now=NOW)


def test_without_a_home_there_is_nothing_to_back_up(tmp_path):
    with pytest.raises(WeekNotReady, match="no home at"):
        back_up(Settings(home=tmp_path / "none"), tmp_path / "b.zip", now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_named_and_no_backup_is_made(settings, tmp_path):
    database = settings.home / "results.db"
    database.write_bytes(database.read_bytes()[:8192] + b"\xff" * 40_000)
    with pytest.raises(CorruptArtifact, match=r"results.db is damaged"):
        back_up(settings, tmp_path / "out" / "b.zip", now=NOW)
    assert list((tmp_path / "out").iterdir()) == []


def turned(whole, at, bit):
    return whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]


def test_every_damage_is_found_before_anything_is_written(backup, tmp_path):
    """Cut, and 60 times one bit turned: refused by name, or without any effect."""
    whole, rng = backup.read_bytes(), random.Random(4)
    restore(Settings(home=tmp_path / "good"), backup)
    good, bad, there = files(tmp_path / "good"), tmp_path / "bad.zip", tmp_path / "there"
    refused = 0
    spoiled = [whole[: len(whole) * k // 10] for k in range(10)]
    spoiled += [turned(whole, rng.randrange(len(whole)), rng.randrange(8)) for _ in range(60)]
    for k, content in enumerate(spoiled):
        bad.write_bytes(content)
        home = there / str(k) / "home"
        try:
            restore(Settings(home=home), bad)
        except (CorruptArtifact, StoreOutdated):
            refused += 1
            assert not home.exists()
        else:
            assert files(home) == good
    assert refused > 50


def changed(backup, **facts):
    """Return a backup of which the manifest says something else."""
    other = backup.with_name("changed.zip")
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps({**json.loads(content), **facts})
            new.writestr(name, content)
    return other


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"format": 99}, "format 99, made by version .* Install that version"),
        ({"migration": "9999"}, "at migration 9999.* newer version has migrated it"),
    ],
)
def test_what_a_newer_version_made_is_refused(backup, tmp_path, facts, said):
    with pytest.raises(StoreOutdated, match=said):
        restore(Settings(home=tmp_path / "new"), changed(backup, **facts))
    assert not (tmp_path / "new").exists()


def test_a_file_whose_hash_is_another_is_named(backup, tmp_path):
    facts = {"files": {KEPT[0]: {"bytes": 1, "sha256": "0" * 64}}}
    with pytest.raises(CorruptArtifact, match=rf"{KEPT[0]} in .* was changed"):
        restore(Settings(home=tmp_path / "new"), changed(backup, **facts))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside"])
def test_nothing_is_written_outside_of_the_home(backup, tmp_path, name):
    facts = {"files": {name: {"bytes": 1, "sha256": "0" * 64}}}
    with pytest.raises(CorruptArtifact, match="no backup, or a damaged one"):
        restore(Settings(home=tmp_path / "new"), changed(backup, **facts))


def test_a_store_elsewhere_is_part_of_it_and_comes_back_elsewhere(settings, tmp_path):
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    (settings.home / "results.db").rename(tmp_path / "elsewhere.db")
    there = settings.model_copy(update={"results_url": url})
    back_up(there, tmp_path / "b.zip", now=NOW)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    restore(Settings(home=tmp_path / "new", results_url=other), tmp_path / "b.zip")
    assert rows(tmp_path / "other.db") == rows(tmp_path / "elsewhere.db")
    assert not (tmp_path / "new" / "results.db").exists()
    with pytest.raises(InvalidRequest, match="holds rows already"):
        copy_store(url, other)


@pytest.mark.parametrize("step", ["migrate", "weeks"])
def test_a_store_that_a_newer_version_migrated_is_refused(settings, step):
    with sqlite3.connect(settings.home / "results.db") as connection:
        connection.execute("update hotspots_schema_version set version_num = '9999'")
    store = ResultsStore(settings.results_database)
    with pytest.raises(StoreOutdated, match=r"at migration 9999.* Install that version or a later"):
        store.migrate() if step == "migrate" else store.weeks("smallville")
