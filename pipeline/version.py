"""Which code runs: the package's version, and the commit where that is known."""

import os
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "COMMIT_OF_HOTSPOTS"  # in an image, whose build is told the commit
GIT_TIMEOUT_S = 10
DESCRIBE = ("describe", "--always", "--dirty=.dirty", "--exclude=*", "--abbrev=9")


@cache
def code_version() -> str:
    """Return the version of the code by PEP 440, such as 0.2.0+g1a2b3c4d5.dirty.

    The commit comes from COMMIT_OF_HOTSPOTS, else from the checkout that the code lies in; `.dirty`
    says that files of it were changed since. Elsewhere, as in a wheel, it is the version alone.
    It is found once a process, and never part of what is hashed.
    """
    commit = os.environ.get(COMMIT) or _commit_of(ROOT)
    return version("la-hotspots") + (f"+g{commit}" if commit else "")


def _commit_of(root: Path) -> str | None:
    """Return the commit of a checkout; None where there is none, or git is missing or refuses."""
    if not (root / ".git").exists():
        return None
    # A hook of git's sets variables that name another repository.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(root), *DESCRIBE],  # noqa: S607 - wherever git is
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
