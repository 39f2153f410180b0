"""A real file system of a few hundred kB, in a mount namespace of its own: no root is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import ROOT

# Runs the code given, in which FULL(), READ_ONLY() and MENDED() change the disk that DISK names.
PROGRAM = """
import os, subprocess, sys
from pathlib import Path
DISK = Path(sys.argv[1])
def mount(how):
    subprocess.run(["mount", "-o", how, "-t", "tmpfs", "tmpfs", DISK], check=True)
def FULL():
    with (DISK / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return
def READ_ONLY():
    mount("remount,ro")
def MENDED():
    mount("remount,rw")
    (DISK / "ballast").unlink(missing_ok=True)
mount(sys.argv[2])
"""


def run_on_small_disk(disk: Path, code: str, *, size: str = "400k") -> str:
    """Run code with DISK as its disk and return what it printed; skip where none can be made."""
    disk.mkdir()
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    can_mount = [*namespace, "mount", "-t", "tmpfs", "tmpfs", str(disk)]
    try:
        subprocess.run(can_mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets no user mount a disk in a namespace of its own")
    command = [*namespace, sys.executable, "-W", "ignore", "-c", PROGRAM + code]
    done = subprocess.run(
        [*command, str(disk), f"size={size}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:"
             f"{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout
