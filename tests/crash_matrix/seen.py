"""What can be seen of a home: files, by the folder that is whole or not there, and stored rows."""

import hashlib
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pipeline.files import TEMPORARY

VOLATILE = {"log", "lock", "progress.json", "failure.json", "unfinished"}  # of a training's folder
CHECKED_AT = re.compile(rb"\d{8}T\d{6}\.\d{6}Z</span")  # which Data Docs show
OF_A_RUN = {"forecast_runs", "cell_forecasts", "total_forecasts", "data_health"}
OF_A_RUN |= {f"hashes of {name}" for name in OF_A_RUN}
Units = dict[str, dict[str, str]]


def files_seen(home: Path) -> Units:
    """Return unit -> file -> sha256 of all that a reader may meet, databases left out.

    A unit is a folder that is there whole or not at all, or a file by itself.
    """
    units: Units = defaultdict(dict)
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        is_hidden = any(part.startswith(".") or part in VOLATILE for part in name.parts)
        is_other = name.parts[0].startswith(("mlflow", "results.db", "mlruns"))
        if path.is_file() and not is_hidden and not is_other:
            content = CHECKED_AT.sub(b"", path.read_bytes())
            digest = hashlib.sha256(content).hexdigest()
            units[_unit(name)][str(name)] = digest
    return dict(units)


def _unit(name: Path) -> str:
    depth = {"data_docs": 4, "models": 2, "site": 1}.get(name.parts[0], len(name.parts))
    if name.parts[0] == "lake":
        depth = len(name.parts) - 1
    if name.parts[0] == "trainings" and name.parts[2].startswith("model-"):
        depth = 3
    return "/".join(name.parts[:depth])


def is_whole(seen: Units, before: Units, after: Units) -> bool:
    """Say whether each unit is as it was before the step, or as the step leaves it."""
    return all(seen[unit] in (before.get(unit), after.get(unit)) for unit in seen)


def temporaries(home: Path) -> list[str]:
    """Return what lies there under a temporary name."""
    return [str(path.relative_to(home)) for path in home.rglob(f"{TEMPORARY}*")]


def rows_seen(home: Path) -> dict[str, str]:
    """Return table of the results store -> digest of its rows; all empty tables have the same one.

    Raises:
        AssertionError: SQLite finds the file damaged.
    """
    tables: dict[str, str] = {}
    if (home / "results.db").exists():
        with sqlite3.connect(home / "results.db") as store:
            names = store.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (name,) in names:
                tables[name] = _digest(store.execute(f"select * from {name}"))
            # Hashes of rows are stored with the rows that they are of.
            hashes = "select * from row_seals where table_name = ?"
            sealed = [name for name in tables if name != "row_seals"]
            tables |= {
                f"hashes of {name}": _digest(store.execute(hashes, (name,))) for name in sealed
            }
            tables.pop("row_seals", None)
            assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        store.close()
    return tables


def _digest(rows: Iterable[tuple]) -> str:
    return hashlib.sha256(json.dumps(sorted(map(repr, rows))).encode()).hexdigest()


def is_whole_store(seen: dict[str, str], before: dict[str, str], after: dict[str, str]) -> bool:
    """Say whether each table is as before or as after, and a run's tables all alike."""
    empty = hashlib.sha256(b"[]").hexdigest()
    each = all(seen[t] in (before.get(t, empty), after.get(t)) for t in seen)
    run = [seen.get(t, empty) for t in OF_A_RUN]
    return each and run in (
        [before.get(t, empty) for t in OF_A_RUN],
        [after.get(t, empty) for t in OF_A_RUN],
    )
