"""Every writer killed, or its disk filled, at many of the calls by which it changes files.

    python -m tests.crash_matrix [--points 16] [--seed 1] [--writer NAME] [--only kill|full]

Runs a small week undisturbed, then each writer again from where it began: killed at one of those
calls, seen as a reader would, and run once more. Prints two tables as Markdown; ends with 1 where
a field is red. Which calls are counted stands in `syscalls.c`.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.domain.errors import HotspotsError, StorageUnavailable
from pipeline.domain.storage import naming_storage_errors
from tests.crash_matrix.seen import (
    files_seen,
    is_whole,
    is_whole_store,
    rows_seen,
    temporaries,
)

HERE = Path(__file__).parent
DONE, STORAGE, NAMED, RAW = 0, 10, 11, 12  # exit codes of a writer
# Writer -> the step that it is a part of, and what of the home it changes.
WRITERS = {
    "snapshot": ("pull_crime", ["lake"]),
    "archive": ("archive", ["lake"]),
    "quarantine": ("validate", ["lake"]),
    "Data Docs": ("validate", ["data_docs"]),
    "cube": ("build_grid", ["lake"]),
    "registry, made": ("decide_training", [".tmp-mlflow", "mlflow"]),
    "training folder": ("train_apart", ["trainings"]),
    "registry, added to": ("train", ["mlflow", "mlruns", "models"]),
    "forecast": ("forecast", ["lake"]),
    "store": ("publish", ["results.db"]),
    "exports": ("report", ["reports"]),
    "site": ("site", ["site", ".tmp-"]),
}

COLUMNS = {
    "kill": ("killed", "whole", "same hashes"),
    "full": ("named", "nothing left", "whole", "same hashes"),
}


@dataclass
class Outcome:
    """What came of a writer: how many calls it makes, and of so many points, what held."""

    calls: int
    points: int = 0
    held: Counter = field(default_factory=Counter)
    red: list[str] = field(default_factory=list)


class Matrix:
    """A week in a folder, and the writers of it run in processes of their own."""

    def __init__(self, root: Path, library: str, url: str, portal: Connection) -> None:
        """Load what the writers need, before any of them is forked."""
        from tests.crash_matrix import week

        self._week, self._root, self._home, self._url = week, root, root / "home", url
        self._portal = portal  # which ends when this does
        self._library = ctypes.CDLL(library)
        self._given, self._results = pickle.loads((root / "week.pickle").read_bytes())
        from pipeline.workflow.tasks import load_parts

        load_parts()

    def judge(self, writer: str, mode: str, points: int, chance: random.Random) -> Outcome:
        """Disturb a writer at so many points and return what held."""
        step, _ = WRITERS[writer]
        before, after = (self._seen_in(part, step) for part in ("before", "after"))
        calls = self._fork(writer, mode, 0)[1]
        outcome = Outcome(calls)
        for at in _chosen(calls, points, chance):
            outcome.points += 1
            code, _ = self._fork(writer, mode, at)
            words = self._last_words() if code in (NAMED, RAW) else ""
            found = self._found(mode, code, before, after)
            again, _ = self._fork(writer, "again", 0)
            found["same hashes"] = again == DONE and self._is_same(step, after)
            outcome.held.update(name for name, holds in found.items() if holds)
            where = f"{writer}, {mode} at {at} of {calls} (ended {code}, then {again}){words}"
            outcome.red += [f"{where}: not {name}" for name, holds in found.items() if not holds]
        return outcome

    def _last_words(self) -> str:
        """Return the last line that a writer has said, its error."""
        return f" {(self._root / 'log').read_text().splitlines()[-1]}"

    def _found(self, mode: str, code: int, before: tuple, after: tuple) -> dict[str, bool]:
        files, rows = files_seen(self._home), rows_seen(self._home)
        whole = is_whole(files, before[0], after[0]) and is_whole_store(rows, before[1], after[1])
        if mode == "kill":
            return {"killed": code == -signal.SIGKILL, "whole": whole}
        left = [name for name in temporaries(self._home) if not name.endswith("-journal")]
        return {"named": code in (STORAGE, DONE), "whole": whole, "nothing left": not left}

    def _is_same(self, step: str, after: tuple) -> bool:
        files, rows = files_seen(self._home), rows_seen(self._home)
        told = json.loads((self._root / "told").read_text())
        expected = _comparable(self._results[step])
        models = json.loads((self._root / "models" / f"{step}.json").read_text())
        pairs = {"result": (told["result"], expected), "models": (told["models"], models)}
        differ = [*_differing(files, after[0]), *_differing(rows, after[1])]
        differ += [name for name, (found, whole) in pairs.items() if found != whole]
        if differ:
            sys.stderr.write(f"differs: {', '.join(differ)}\n")
        return not differ

    def _seen_in(self, part: str, step: str) -> tuple:
        """Return what is seen before or after a step, with the models that are listed after it."""
        home = self._root / part / step
        if part == "after":
            self._reset(home)
            self._in_child(lambda: self._list_models(self._root / "models" / f"{step}.json"))
        return files_seen(home), rows_seen(home)

    def _list_models(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self._models()))

    def _models(self) -> list[list[str]]:
        """Return each registered model, its files fetched and their hash checked."""
        from pipeline.model.registry import Registry

        settings = self._week.settings_of(self._home, self._url)
        if not (self._home / "mlflow.db").exists():
            return []
        registry = Registry(settings, self._week.CITY)
        return [[m.version, *m.called, registry.fetch(m.version).sha256] for m in registry.listed()]

    def _fork(self, writer: str, mode: str, at: int) -> tuple[int, int]:
        """Run a writer: from its beginning, or once more; return exit code and calls counted."""
        step, parts = WRITERS[writer]
        if mode != "again":
            self._reset(self._root / "before" / step)
        watched = ":".join(str(self._home / part) for part in parts)
        code = self._in_child(lambda: self._run(step, watched, at, is_full=mode == "full"))
        told = self._root / "told"
        return code, json.loads(told.read_text())["calls"] if code == DONE else 0

    def _run(self, step: str, watched: str, at: int, *, is_full: bool) -> None:
        settings = self._week.settings_of(self._home, self._url)
        self._library.crash_watch(watched.encode(), ctypes.c_long(at), int(is_full))
        with naming_storage_errors():
            result = self._week.run_step(settings, step, self._given[step])
        calls = self._library.crash_seen()
        told = {"result": _comparable(result), "calls": calls}
        if not at:
            told["models"] = self._models()
        (self._root / "told").write_text(json.dumps(told))

    def _in_child(self, do) -> int:
        process = os.fork()
        if process == 0:
            code = RAW
            with (self._root / "log").open("a") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                try:
                    do()
                    code = DONE
                except StorageUnavailable:
                    code = STORAGE
                except HotspotsError:
                    traceback.print_exc()
                    code = NAMED
                except BaseException:  # noqa: BLE001 - told by the exit code
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def _reset(self, template: Path) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(template, self._home)


def _differing(found: dict, expected: dict) -> list[str]:
    """Return the names of what is not as expected."""
    return sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )


def _chosen(calls: int, points: int, chance: random.Random) -> list[int]:
    """Return which calls to disturb: one by chance in each of so many equal parts."""
    if calls <= points:
        return [*range(1, calls + 1)]
    edges = [1 + calls * part // points for part in range(points + 1)]
    return [chance.randrange(low, high) for low, high in pairwise(edges)]


def _comparable(result: object) -> object:
    """Return a result without what tells of this try alone: what it stored, what was there."""
    if isinstance(result, dict):
        of_a_try = ("difference", "stored")
        result = {name: value for name, value in result.items() if name not in of_a_try}
    return json.loads(json.dumps(result, default=str))


def build(folder: Path) -> str:
    """Compile the library that counts, kills and fills; return its path."""
    library = str(folder / "syscalls.so")
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", library, str(HERE / "syscalls.c"), "-ldl"]
    subprocess.run(command, check=True)
    return library


def row(mode: str, writer: str, outcome: Outcome) -> str:
    """Return a writer's line of the table."""
    held = [outcome.held[name] for name in COLUMNS[mode]]
    return f"| {' | '.join(map(str, [writer, f'{outcome.calls:,}', outcome.points, *held]))} |"


def table(mode: str, outcomes: dict[str, Outcome]) -> str:
    """Return outcomes as a table in Markdown."""
    head = ["writer", "calls", "points", *COLUMNS[mode]]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    return "\n".join([*lines, *(row(mode, *found) for found in outcomes.items())])


def prepared(folder: Path, library: str) -> Matrix:
    """Run the undisturbed week and return the matrix of its writers."""
    from tests.crash_matrix import week
    from tests.integration.conftest import made_up_reports

    city, spawn = folder / "city", multiprocessing.get_context("spawn")
    city.mkdir()
    made_up_reports().to_parquet(city / "crime_2016_2017.parquet")
    here, there = spawn.Pipe()
    spawn.Process(target=week.serve, args=(city, there), daemon=True).start()
    url = here.recv()
    undisturbed = spawn.Process(target=week.make_week, args=(folder, url))
    undisturbed.start()
    undisturbed.join()
    assert undisturbed.exitcode == 0, "the undisturbed week failed"
    return Matrix(folder, library, url, here)


def main() -> int:
    """Run the matrix under the library, in a process that was started with it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--writer", choices=WRITERS, action="append")
    parser.add_argument("--only", choices=["kill", "full"])
    asked = parser.parse_args()
    if "CRASH_LIBRARY" not in os.environ:
        with tempfile.TemporaryDirectory(prefix="hotspots_crash_") as folder:
            library = build(Path(folder))
            loaded = {**os.environ, "LD_PRELOAD": library, "CRASH_LIBRARY": library}
            command = [sys.executable, "-W", "ignore", "-m", "tests.crash_matrix", *sys.argv[1:]]
            return subprocess.run(command, env=loaded, check=False).returncode
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "GX_ANALYTICS_ENABLED": "false"}
    os.environ["COMMIT_OF_HOTSPOTS"] = "0000000"  # the checkout may change meanwhile
    folder = Path(tempfile.mkdtemp(prefix="hotspots_crash_"))
    try:
        return _run_all(prepared(folder, os.environ["CRASH_LIBRARY"]), asked)
    finally:
        shutil.rmtree(folder)


def _run_all(matrix: Matrix, asked: argparse.Namespace) -> int:
    red = []
    for mode in [asked.only] if asked.only else ["kill", "full"]:
        chance = random.Random(asked.seed)
        outcomes = {}
        for writer in asked.writer or WRITERS:
            outcomes[writer] = matrix.judge(writer, mode, asked.points, chance)
            sys.stderr.write(
                "\n".join([row(mode, writer, outcomes[writer]), *outcomes[writer].red])
            )
            sys.stderr.write("\n")
            red += outcomes[writer].red
        sys.stdout.write(f"{table(mode, outcomes)}\n\n")
        sys.stdout.flush()
    sys.stdout.write("".join(f"{line}\n" for line in red))
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
