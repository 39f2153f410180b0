"""A seeded sample of `make crash-matrix`: every writer killed at a call, and no red field."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.crash_matrix.__main__ import WRITERS, _chosen, build
from tests.services import ROOT, absent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COUNTED = """
import ctypes, json, os, shutil, sys
from pathlib import Path
folder, at, is_full = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
library = ctypes.CDLL(sys.argv[1])
library.crash_watch(f"{folder}/".encode(), ctypes.c_long(at), is_full)
(folder / "a").mkdir()
(folder / "a" / "b").write_bytes(b"12345678")
shutil.copyfile(folder / "a" / "b", folder / "c")
os.rename(folder / "c", folder / "d")
shutil.rmtree(folder / "a")
Path(sys.argv[2] + "-beside").write_bytes(b"not watched")
print(library.crash_seen())
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if shutil.which("cc") is None:
        absent("no C compiler (cc) on the path", "gcc")
    return build(tmp_path_factory.mktemp("library"))


def run(library, folder, at, *, is_full):
    folder.mkdir()
    words = [sys.executable, "-c", COUNTED, library, str(folder), str(at), str(int(is_full))]
    environment = {**os.environ, "LD_PRELOAD": library}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_each_call_that_changes_a_file_is_counted_and_may_be_the_last(library, tmp_path):
    """mkdir, open, write, open, twice sendfile, rename, unlink, rmdir: as `strace` lists them."""
    counted = run(library, tmp_path / "0", 0, is_full=False)
    assert int(counted.stdout) == 9, counted.stderr
    for at in range(1, 10):
        assert run(library, tmp_path / str(at), at, is_full=False).returncode == -9
    assert (tmp_path / "3/a/b").read_bytes() == b"1234"  # a write that is killed is half done
    full = run(library, tmp_path / "full", 3, is_full=True)
    assert "No space left on device" in full.stderr


def test_points_are_spread_over_all_calls():
    import random

    chosen = _chosen(1_000, 12, random.Random(1))
    assert len(chosen) == 12
    assert chosen == sorted(chosen)
    assert chosen[0] <= 84
    assert chosen[-1] > 916
    assert _chosen(5, 12, random.Random(1)) == [1, 2, 3, 4, 5]


def test_a_sample_of_the_matrix_has_no_red_field(library):
    words = ["--points", "1", "--seed", "7", "--only", "kill"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.crash_matrix", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert done.stdout.count("| 1 | 1 | 1 | 1 |") == len(WRITERS), done.stdout
