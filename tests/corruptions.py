"""Seeded corruptions of a small home, each of which `hotspots verify` must find and name.

Run as `python -m tests.corruptions --count 1000 --seed 1`: a home of two weeks is made once, then
one thing at a time is spoiled, looked for, and put back. Prints what was found of each kind, and
each miss.
"""

import argparse
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from pipeline.domain.city import load_city
from pipeline.files import parquet_bytes
from pipeline.replay.recorded import CHICAGO_FILE, WEATHER_FILE, RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.settings import Settings
from pipeline.workflow.operations.verification import find_faults
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from tests.integration.conftest import made_up_reports, small_settings

CITY = "chicago"
# Issue date, now, the last report there is, training. The second week is issued once the first is
# known, so that it is scored, and more has been published then, so that it is pulled anew.
WEEKS = (
    ("2017-12-13", datetime(2017, 12, 13, 20, tzinfo=UTC), "2017-12-05", "auto"),
    ("2018-01-17", datetime(2018, 1, 17, 20, tzinfo=UTC), "2018-01-09", "reuse"),
)
STORE, REGISTRY = "results.db", "mlflow.db"
# What is read of MLflow's tables; the rest is MLflow's own.
READ_OF_REGISTRY = {
    "model_version_tags": ("key", "value", "version"),
    "model_versions": ("version", "run_id"),
    "registered_model_aliases": ("alias", "version"),
    "latest_metrics": ("key", "value"),
}
LISTED = ("lake", "reports")  # where a file that nothing names is told of
OF_DERIVED = ("mean", "nb_size", "p_any", "p_top5", "q05", "q10", "q25", "q50", "q75", "q90", "q95")


@dataclass(frozen=True)
class Spoiled:
    """What was done to a home.

    Attributes:
        what: in words, for a reader of a miss.
        named: texts that must all stand in one fault: the file, or the table and its row.
    """

    what: str
    named: tuple[str, ...]


Spoil = Callable[[Path, random.Random], Spoiled | None]


def make_home(home: Path) -> Settings:
    """Forecast two weeks of a small made-up city into a new home."""
    reports = made_up_reports()
    for day, now, last, training in WEEKS:
        with tempfile.TemporaryDirectory() as folder:
            public = reports[reports["occurred_at"] < f"{last}T23"]
            public.to_parquet(Path(folder) / CHICAGO_FILE)
            made_up_weather(last).to_parquet(Path(folder) / WEATHER_FILE)
            with ReplayServer(RecordedData(Path(folder))) as server:
                settings = small_settings(server.url, home)
                plan = make_plan(settings, city=CITY, issue_date=day, training=training, now=now)
                run_week(settings, plan, now=now)
    return settings


def made_up_weather(last: str) -> pd.DataFrame:
    """Return a year of the same weather at the city's stations, through a day."""
    days = pd.date_range(end=last, periods=366).astype(str)
    stations = [station.ghcn_id for station in load_city(CITY).stations]
    rows = pd.MultiIndex.from_product([stations, days], names=["station", "date"]).to_frame()
    return rows.reset_index(drop=True).assign(tmax=20.0, tmin=10.0, prcp=1.0)


def artefacts(home: Path) -> list[Path]:
    """Return every file that verify answers for, but for the two databases."""
    parts = ("lake", "models", "mlruns", "reports")
    files = (path for part in parts for path in (home / part).rglob("*") if path.is_file())
    return sorted(path for path in files if path.name != "model.zip" or "mlruns" in path.parts)


def one_of_each_kind(files: list[Path], chance: random.Random) -> Path:
    """Return a file; each folder of the home's parts is as likely as another."""
    folders = sorted({path.parent for path in files})
    folder = chance.choice(folders)
    return chance.choice([path for path in files if path.parent == folder])


def named(home: Path, path: Path) -> tuple[str, ...]:
    """Return what must be named of a file: its path below the lake or home, or its folder's."""
    parts = path.relative_to(home).parts
    if parts[0] == "models":
        return ("/".join(parts[:2]),)
    if parts[0] == "lake":
        is_pull = parts[1] == "snapshots" and path.name == "manifest.json"
        return ("/".join(parts[1:-1] if is_pull else parts[1:]),)
    return ("/".join(parts),)


def flip(home: Path, chance: random.Random) -> Spoiled:
    """Turn a bit of a file around."""
    path = one_of_each_kind([p for p in artefacts(home) if p.stat().st_size], chance)
    content = bytearray(path.read_bytes())
    place, bit = chance.randrange(len(content)), chance.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return Spoiled(f"bit {bit} of byte {place} of {path.relative_to(home)}", named(home, path))


def cut(home: Path, chance: random.Random) -> Spoiled:
    """Leave a file shorter than it was."""
    path = one_of_each_kind([p for p in artefacts(home) if p.stat().st_size], chance)
    length = chance.randrange(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:length])
    return Spoiled(f"{path.relative_to(home)} cut to {length} bytes", named(home, path))


def delete(home: Path, chance: random.Random) -> Spoiled:
    """Delete a file."""
    path = one_of_each_kind(artefacts(home), chance)
    path.unlink()
    return Spoiled(f"{path.relative_to(home)} deleted", named(home, path))


def stray(home: Path, chance: random.Random) -> Spoiled:
    """Put a file beside others."""
    held = [path for path in artefacts(home) if path.relative_to(home).parts[0] in LISTED]
    beside = one_of_each_kind(held, chance)
    path = beside.with_name(f"x{chance.randrange(1000)}.parquet")
    path.write_bytes(b"PAR1")
    return Spoiled(f"{path.relative_to(home)} added", named(home, path))


def swap_columns(home: Path, chance: random.Random) -> Spoiled | None:
    """Give two columns of a Parquet file each other's values."""
    path = one_of_each_kind([p for p in artefacts(home) if p.suffix == ".parquet"], chance)
    table = pq.read_table(path)
    a = chance.choice(table.column_names)
    kind = table.schema.field(a).type
    alike = [field.name for field in table.schema if field.type == kind and field.name != a]
    if not alike:
        return None
    b = chance.choice(alike)
    order = [{a: b, b: a}.get(name, name) for name in table.column_names]
    path.write_bytes(parquet_bytes(table.select(order).rename_columns(table.column_names)))
    return Spoiled(f"columns {a} and {b} of {path.relative_to(home)} swapped", named(home, path))


def edit_manifest(home: Path, chance: random.Random) -> Spoiled:
    """Change one thing that a manifest says, written as it was."""
    path = one_of_each_kind([p for p in artefacts(home) if p.name == "manifest.json"], chance)
    manifest = json.loads(path.read_bytes())
    leaves = list(_leaves(manifest))
    owner, key = chance.choice(leaves)
    owner[key] = _other(owner[key], chance)
    text = json.dumps(manifest, indent=2, sort_keys="lake" in path.parts)
    path.write_text(text)
    return Spoiled(f"{key} of {path.relative_to(home)} edited", named(home, path))


def remove_folder(home: Path, chance: random.Random) -> Spoiled:
    """Remove a whole folder of the lake: a snapshot, a cube or a forecast."""
    folders = sorted({path.parent for path in (home / "lake").rglob("manifest.json")})
    of_kind = chance.choice(["snapshots", "cubes", "forecasts"])
    folder = chance.choice([f for f in folders if f.relative_to(home).parts[1] == of_kind])
    shutil.rmtree(folder)
    return Spoiled(f"{folder.relative_to(home)} removed", (str(folder.relative_to(home / "lake")),))


def update_row(home: Path, chance: random.Random) -> Spoiled | None:
    """Change one value of one row of the results store by SQL."""
    with closing(sqlite3.connect(home / STORE)) as store, store:
        table, columns, row = _a_row(store, chance)
        name = chance.choice(list(columns))
        other = _other(row[name], chance)
        store.execute(f'UPDATE {table} SET "{name}" = ? WHERE rowid = ?', (other, row["rowid"]))
        what = f"{table}.{name} of {_shown(row)}: {row[name]!r} to {other!r}"
        seen = (table,) if table != "row_seals" else (str(row["table_name"]),)
        if table == "hotspots_schema_version":
            seen = ("migration",)
        elif table == "cell_forecasts" and name in OF_DERIVED:
            seen += (f"row {row['row']} column {row['col']}", name)
        return Spoiled(what, seen)


def delete_row(home: Path, chance: random.Random) -> Spoiled:
    """Delete one row of the results store by SQL."""
    with closing(sqlite3.connect(home / STORE)) as store, store:
        table, _, row = _a_row(store, chance)
        store.execute(f"DELETE FROM {table} WHERE rowid = ?", (row["rowid"],))
        seen = {"row_seals": str(row.get("table_name")), "hotspots_schema_version": "tables"}
        return Spoiled(f"{_shown(row)} of {table} deleted", (seen.get(table, table),))


def add_row(home: Path, chance: random.Random) -> Spoiled | None:
    """Add a copy of a row of the results store under another key by SQL."""
    with closing(sqlite3.connect(home / STORE)) as store, store:
        table, columns, row = _a_row(store, chance)
        if table == "hotspots_schema_version":
            return None
        keys = [name for name, is_key in columns.items() if is_key]
        key = chance.choice(keys)
        row |= {key: _other(row[key], chance)}
        if table == "forecast_runs":
            row["revision"] += 1
        if table == "forecast_models":
            row["sha256"] = _other(row["sha256"], chance)
        marks, names = ", ".join("?" * len(columns)), ", ".join(f'"{name}"' for name in columns)
        store.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [row[n] for n in columns])
        seen = str(row["table_name"]) if table == "row_seals" and key != "table_name" else table
        return Spoiled(f"{_shown(row)} added to {table}", (() if table == "row_seals" else (seen,)))


def edit_registry(home: Path, chance: random.Random) -> Spoiled:
    """Change one value that is read of the registry by SQL."""
    with closing(sqlite3.connect(home / REGISTRY)) as registry, registry:
        registry.row_factory = sqlite3.Row
        table = chance.choice(list(READ_OF_REGISTRY))
        rows = registry.execute(f"SELECT rowid, * FROM {table}").fetchall()
        row, name = chance.choice(rows), chance.choice(READ_OF_REGISTRY[table])
        other = _other(row[name], chance)
        registry.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (other, row["rowid"]))
        return Spoiled(f"{table}.{name}: {row[name]!r} to {other!r}", ())


def spoil_database(home: Path, chance: random.Random) -> Spoiled | None:
    """Turn a bit of a database around, or cut it; None where no row of it is another by that."""
    path = home / chance.choice([STORE, REGISTRY])
    before, content = _rows(path), bytearray(path.read_bytes())
    if chance.random() < 0.2:
        length = chance.randrange(len(content))
        path.write_bytes(content[:length])
        return Spoiled(f"{path.name} cut to {length} bytes", ())
    place, bit = chance.randrange(len(content)), chance.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    changed = _rows(path) != before
    return Spoiled(f"bit {bit} of byte {place} of {path.name}", ()) if changed else None


KINDS: dict[str, Spoil] = {
    "bit of a file turned": flip,
    "file cut": cut,
    "file deleted": delete,
    "file added": stray,
    "columns swapped in Parquet": swap_columns,
    "manifest edited": edit_manifest,
    "folder of the lake removed": remove_folder,
    "row of the store edited": update_row,
    "row of the store deleted": delete_row,
    "row added to the store": add_row,
    "registry edited by SQL": edit_registry,
    "bit of a database turned, or cut": spoil_database,
}


def spoil_and_look(settings: Settings, whole: Path, seed: int) -> tuple[str, Spoiled, bool]:
    """Spoil one thing, look for it, put it back; return its kind, what was done, if it was found.

    Args:
        settings: of the home to spoil.
        whole: a copy of that home.
        seed: of what is done.
    """
    chance = random.Random(seed)
    kind = chance.choice(list(KINDS))
    while (spoiled := _tried(KINDS[kind], settings.home, chance)) is None:
        put_back(settings.home, whole)
    try:
        faults = [f"{fault.where} {fault.found}" for fault in find_faults(settings)]
    finally:
        put_back(settings.home, whole)
    return kind, spoiled, any(all(name in said for name in spoiled.named) for said in faults)


def _tried(spoil: Spoil, home: Path, chance: random.Random) -> Spoiled | None:
    try:
        return spoil(home, chance)
    except sqlite3.IntegrityError:  # the key is taken: nothing was done
        return None


def put_back(home: Path, whole: Path) -> None:
    """Make a home as its copy again."""
    _forget_registry()
    held = {p.relative_to(whole): p for p in whole.rglob("*") if p.is_file()}
    found = {p.relative_to(home): p for p in home.rglob("*") if p.is_file()}
    for name, path in found.items():
        if name not in held:
            path.unlink()
    for name, path in held.items():
        there = home / name
        if name not in found or there.read_bytes() != path.read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())


def _forget_registry() -> None:
    """Close MLflow's connections, which hold pages of a file that changed below them."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as OfModels
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as OfRuns

    for engine in (*OfModels._engine_map.values(), *OfRuns._engine_map.values()):
        engine.dispose()


def _leaves(said):
    """Yield (dict or list, key) of each value of JSON that holds no others."""
    for key, value in said.items() if isinstance(said, dict) else enumerate(said):
        if isinstance(value, dict | list):
            yield from _leaves(value)
        else:
            yield said, key


def _other(value, chance: random.Random):
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 1000])
    if isinstance(value, float):
        return value * 1.01 + 0.001
    if value is None:
        return "1"
    return chance.choice([f"{value}x", value[1:] or "y"])


def _a_row(store: sqlite3.Connection, chance: random.Random):
    """Return a table that has rows, its columns with whether each is of the key, and a row."""
    store.row_factory = sqlite3.Row
    filled = [name for name in _tables(store) if store.execute(f"SELECT 1 FROM {name}").fetchone()]
    table = chance.choice(filled)
    columns = {row["name"]: bool(row["pk"]) for row in store.execute(f"PRAGMA table_info({table})")}
    rows = store.execute(f"SELECT rowid AS rowid, * FROM {table}").fetchall()
    return table, columns, {"rowid": None, **dict(chance.choice(rows))}


def _tables(base: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    return [row[0] for row in base.execute(query)]


def _shown(row) -> str:
    return str(dict(list(row.items())[1:5]))


def _rows(path: Path):
    """Return what is read of a database, or the error that reading it ends with."""
    try:
        with closing(sqlite3.connect(path)) as base:
            base.execute("PRAGMA integrity_check").fetchall()
            read = READ_OF_REGISTRY if path.name == REGISTRY else dict.fromkeys(_tables(base), "*")
            queries = [f"SELECT {', '.join(names)} FROM {table}" for table, names in read.items()]
            return [base.execute(query).fetchall() for query in queries]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error)


def main() -> int:
    """Make a home, spoil it many times, and tell what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="A home of `make_home`, instead of a new one.")
    asked = parser.parse_args()
    began, done, found = time.monotonic(), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        whole, home = asked.home or Path(folder) / "whole", Path(folder) / "home"
        if not whole.exists():
            make_home(whole)
        shutil.copytree(whole, home)
        for seed in range(asked.seed, asked.seed + asked.count):
            kind, spoiled, is_found = spoil_and_look(Settings(home=home), whole, seed)
            done[kind] += 1
            found[kind] += is_found
            if not is_found:
                say(f"missed, seed {seed}: {kind}: {spoiled.what}; expected {spoiled.named}")
    for kind in sorted(done):
        say(f"{kind:34}{found[kind]:5} of {done[kind]}")
    say(f"{'all':34}{found.total():5} of {done.total()} in {time.monotonic() - began:.0f} s")
    return 0 if found == done else 1


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
