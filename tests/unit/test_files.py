"""A lake on a file system: its writers die, fail, and write at the same time."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import files
from pipeline.domain.errors import StorageUnavailable
from pipeline.lake.lake import Lake
from tests.unit.lake_samples import TABLE, files_of, pull


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


# Forks one writer for each step it is to die at, in a lake of its own named after the step.
WRITERS = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import pyarrow as pa
from pipeline import files
from pipeline.domain.errors import StorageUnavailable
from pipeline.lake.lake import Lake

def dying_at(last, real):
    def step(*args):
        steps.append(real.__name__)
        if len(steps) == last:
            if real.__name__ == "_write":
                args[0].write_bytes(args[1][: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return step

steps = []
table = pa.table({"week": ["a", "b", None], "reports": [1, 2, 3]})
for last in range(1, 7):
    if os.fork() == 0:
        for name in ("_write", "_sync", "_rename_or_drop"):
            setattr(files, name, dying_at(last, getattr(files, name)))
        Lake(Path(sys.argv[1]) / str(last)).add_snapshot(
            "los_angeles", "k7nn-b2ep", table, pulled_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
            source_updated_at=None, provenance="recorded",
        )
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """Return a folder of lakes and the exit code of the writer into each."""
    root = tmp_path_factory.mktemp("crashed")
    command = [sys.executable, "-c", WRITERS, str(root)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return root, [int(line) for line in run.stdout.split()]


class TestCrash:
    # The steps: 1 table, 2 manifest, 3 sync of the folder, 4 rename, 5 sync of the parent, 6 none.
    @pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6])
    def test_a_killed_writer_leaves_nothing_half_written(self, crashed, step):
        root, exit_codes = crashed
        assert exit_codes[step - 1] == (-signal.SIGKILL if step < 6 else 0)
        lake = Lake(root / str(step))
        seen = lake.snapshots("los_angeles", "k7nn-b2ep")
        assert len(seen) == (step >= 5)
        for snapshot in seen:
            assert lake.read_snapshot(snapshot).equals(TABLE)
        leftovers = len(list(lake.root.rglob(".tmp-*")))
        assert leftovers == (step < 5)
        again = pull(lake)
        assert lake.read_snapshot(again).equals(TABLE)
        assert again.ref == pull(Lake(root / f"{step}-untouched")).ref
        assert lake.snapshots("los_angeles", "k7nn-b2ep") == [again]

    def test_a_rename_that_fails_for_another_reason_is_told(self, lake, monkeypatch):
        def refuse(self, target):
            raise PermissionError(13, "not allowed")

        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(StorageUnavailable, match="not allowed"):
            lake.write("cubes", "x", {"counts": TABLE}, {})
        assert not list(lake.root.rglob(".tmp-*"))

    def test_the_loser_of_a_race_drops_its_copy(self, lake, monkeypatch):
        winner = Lake(lake.root)
        write = files._write
        is_raced = []

        def write_after_the_winner(path, content):
            if not is_raced:
                is_raced.append(True)
                winner.write("cubes", "x", {"counts": TABLE}, {})
            write(path, content)

        monkeypatch.setattr(files, "_write", write_after_the_winner)
        ref = lake.write("cubes", "x", {"counts": TABLE}, {})
        assert files_of(lake) == [f"{ref.path}/counts.parquet", f"{ref.path}/manifest.json"]
        assert lake.read(ref)["counts"].equals(TABLE)


class TestReplacing:
    """A folder takes another's place at one stroke, and in three renames where that can't be."""

    @pytest.mark.parametrize("at_one_stroke", [True, False])
    def test_the_new_folder_is_there_and_the_old_one_gone(
        self, tmp_path, monkeypatch, at_one_stroke
    ):
        if not at_one_stroke:
            monkeypatch.setattr(files, "_exchange", lambda _one, _other: False)
        for content in (b"old", b"new"):
            assert files.replace_folder(tmp_path / "site", [("a/b", content)]) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["site"]
        assert (tmp_path / "site/a/b").read_bytes() == b"new"

    def test_there_is_no_moment_without_the_folder(self, tmp_path, monkeypatch):
        """Nothing is renamed where two names can be exchanged."""
        files.replace_folder(tmp_path / "site", [("a", b"old")])
        monkeypatch.delattr(Path, "rename")
        files.replace_folder(tmp_path / "site", [("a", b"new")])
        assert (tmp_path / "site/a").read_bytes() == b"new"
