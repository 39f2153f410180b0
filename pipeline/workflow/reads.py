"""What the steps of a run read of the lake."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import pyarrow as pa

from pipeline.domain.city import City
from pipeline.domain.weeks import parse_date
from pipeline.grid.build import cube_from_tables
from pipeline.grid.cube import Cube, CubeView
from pipeline.lake.lake import Lake, Ref, Snapshot
from pipeline.quality.engine import Verdict
from pipeline.quality.history import Vintage
from pipeline.quality.judged import Judged
from pipeline.sources import crime
from pipeline.workflow.archive import Archive, make_archive
from pipeline.workflow.refreshes import lag_days
from pipeline.workflow.step_results import Gridded
from pipeline.workflow.vintages import changed_vintages

Snapshots = tuple[tuple[str, str], ...]  # dataset and Ref as JSON, of each
Made = TypeVar("Made")


class Reads:
    """What one run reads; its steps share the view of the cube where they share a process."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._kept: dict[str, tuple[Hashable, Any]] = {}

    def view(self, lake: Lake, city: City, grid: Gridded) -> CubeView:
        """Return a run's cube as known at its edge week."""

        def read() -> CubeView:
            return self.cube(lake, city, grid).as_of(parse_date(grid["edge_week"]))

        return self._keep("view", (lake.root, city, grid["ref"], grid["edge_week"]), read)

    def cube(self, lake: Lake, city: City, grid: Gridded) -> Cube:
        """Return a run's cube, for many edges to be looked at from."""
        return cube_from_tables(city, lake.read(Ref.from_json(grid["ref"])))

    def incidents(self, lake: Lake, city: City, snapshots: Snapshots) -> crime.IncidentBuild:
        """Return the incidents of these snapshots, and what was dropped as they were made."""
        raw = {name: lake.read(Ref.from_json(ref))[name] for name, ref in snapshots}
        return crime.build_incidents(city, raw)

    def archive(
        self, lake: Lake, city: City, _snapshots: Snapshots, incidents: pa.Table
    ) -> Archive:
        """Return the incidents of these snapshots as an archive to look back in."""
        return make_archive(lake, city.name, incidents)

    def archived(self, lake: Lake, ref: str) -> pa.Table:
        """Return the incidents of an archive that the lake holds."""
        return lake.read(Ref.from_json(ref))["incidents"]

    def lag_days(self, lake: Lake, city: City, snapshot: Snapshot) -> int | None:
        """Return how late the feed publishes by its refreshes up to a snapshot; None: too few."""
        key = (lake.root, city, snapshot.ref)
        return self._keep("lag_days", key, lambda: lag_days(lake, city, snapshot))

    def vintages(
        self, lake: Lake, city: City, snapshots: Snapshots
    ) -> tuple[tuple[Vintage, Vintage], ...]:
        """Return (the one held before, itself) of every snapshot that differs from it."""
        key = (lake.root, city, snapshots)
        return self._keep("vintages", key, lambda: changed_vintages(lake, city, snapshots))

    def weather(self, lake: Lake, snapshots: Snapshots) -> tuple[pa.Table, ...]:
        """Return the daily weather of these snapshots, one table each."""
        return tuple(lake.read(Ref.from_json(ref))[name] for name, ref in snapshots)

    def judged(self, _city: City, _archive: Archive | None) -> Judged | None:
        """Return what the row checks said of a whole archive; None lets the week check its own."""
        return None

    def weather_verdicts(
        self, _lake: Lake, _city: City, _snapshots: Snapshots
    ) -> Mapping[str, Verdict] | None:
        """Return what the checks said of all weather; None lets the week check its own."""
        return None

    def _keep(self, name: str, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made last under a name if it had the same key, else make it anew."""
        if name not in self._kept or self._kept[name][0] != key:
            self._kept[name] = (key, make())
        made: Made = self._kept[name][1]
        return made
