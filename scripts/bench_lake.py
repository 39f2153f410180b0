"""Time what a week asks of its lake, on this disk and in object storage: `make bench-lake`.

A simulated Los Angeles of three years, trained as briefly as can be. The object storage is moto on
loopback, in this process: slower than a server of its own, but without the delay of a network.
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import requests
from rich.table import Table
from s3fs import S3FileSystem

from pipeline.console import Terminal
from pipeline.files import DiskFolders
from pipeline.lake.lake import Lake
from pipeline.lake.object_folders import ObjectFolders
from pipeline.replay.server import ReplayServer
from pipeline.replay.simulator import simulate
from pipeline.settings import Settings
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week
from tests.services import object_storage

FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2025, 12, 31)
METHODS = ("manifests", "read", "write")
SNAPSHOTS = 520  # a pull a week for ten years
Figures = defaultdict[str, float]


def watch(figures: Figures) -> None:
    """Count calls and seconds of a lake's folders, and requests to object storage.

    The look before a write counts as a read too, and its seconds as both.
    """
    for kind in (DiskFolders, ObjectFolders):
        for name in METHODS:
            setattr(kind, name, _timed(figures, name, getattr(kind, name)))
    request = S3FileSystem._call_s3  # noqa: SLF001 - every request goes through it

    async def counted(*words: object, **named: object) -> object:
        figures["requests"] += 1
        return await request(*words, **named)

    S3FileSystem._call_s3 = counted  # noqa: SLF001


def _timed(figures: Figures, name: str, method: Callable[..., object]) -> Callable[..., object]:
    def call(*words: object) -> object:
        started = time.perf_counter()
        try:
            return method(*words)
        finally:
            figures[name] += 1
            figures[f"{name}_ms"] += 1000 * (time.perf_counter() - started)

    return call


def week(settings: Settings) -> None:
    """Run a whole week, as of now."""
    now = datetime.combine(LAST_DAY + timedelta(days=14), datetime.min.time(), UTC)
    plan = make_plan(settings, city="los_angeles", issue_date=None, data_interval_end=now, now=now)
    run_week(settings, plan, now=now)


def hold_snapshots(lake: Lake) -> None:
    """Store a small snapshot for each of many weeks.

    On disk, and copied: each one names the one before it, which is looked for among all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Lake(folder)
        for k in range(SNAPSHOTS):
            snapshot = made.add_snapshot(
                "chicago", "many", pa.table({"week": [k]}),
                pulled_at=datetime(2016, 1, 6, tzinfo=UTC) + timedelta(weeks=k),
                source_updated_at=None, provenance="simulated",
            )  # fmt: skip
            files = (Path(folder) / snapshot.ref.path).iterdir()
            content = {file.name: file.read_bytes() for file in files}
            lake._folders.write(snapshot.ref.path, content)  # noqa: SLF001


def main() -> None:
    """Measure and print it."""
    figures, table = Figures(float), Table(title="Calls and milliseconds of a lake")
    for heading in ("what", "lake", "listings", "reads", "writes", "requests"):
        table.add_column(heading)
    watch(figures)

    def measure(what: str, lake: str, work: Callable[[], object]) -> None:
        figures.clear()
        work()
        calls = [f"{figures[n]:.0f} in {figures[f'{n}_ms']:.0f} ms" for n in METHODS]
        table.add_row(what, lake, *calls, f"{figures['requests']:.0f}")

    with (
        tempfile.TemporaryDirectory() as home,
        ReplayServer(simulate(1, FIRST_DAY, LAST_DAY)) as sources,
        object_storage() as variables,
    ):
        os.environ.update(variables)
        requests.put(f"{variables['AWS_ENDPOINT_URL']}/bench", timeout=10).raise_for_status()
        for name, url in (("disk", None), ("moto", "s3://bench/lake")):
            settings = Settings(
                home=Path(home) / name, lake_url=url, replay_url=sources.url,
                history_start=f"{FIRST_DAY}", train_epochs=1, train_members=1,
            )  # fmt: skip
            lake = Lake(settings.lake_root)
            measure("the first week", name, partial(week, settings))
            measure("the same week again", name, partial(week, settings))
            hold_snapshots(lake)
            many = partial(lake.snapshots, "chicago", "many")
            measure(f"a listing of {SNAPSHOTS} snapshots", name, many)
    Terminal(width=120).print(table)


if __name__ == "__main__":
    main()
