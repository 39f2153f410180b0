"""Make the small home that the upgrade test opens, by the code that PYTHONPATH leads to.

Two weeks of a made-up Chicago, marked simulated. Run at each release, as docs/releasing.md says:
python scripts/old_home.py tests/fixtures/home-X.Y.Z.tar.xz
"""

import sys
import tarfile
import tempfile
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.domain.city import load_city
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.settings import Settings
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_week

CITY = "chicago"
ISSUED = ("2017-12-13", "2017-12-20")
NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
FIRST_DAY, DAYS = pd.Timestamp("2016-12-04"), 60 * 7
HOT_CELLS, REPORTS_A_DAY = 30, 12
# What can be made anew from the rest: pages, files of a week, unpacked models.
MADE_ANEW = {"data_docs", "reports", "models"}


class Simulated(RecordedData):
    """Made-up reports served as a portal would, and marked as what they are."""

    provenance = "simulated"


def write_reports(folder: Path) -> None:
    """Write reports of 60 weeks in a few cells, the first cells busier than the last."""
    rng = np.random.default_rng(5)
    grid = load_city(CITY).grid
    places = rng.choice(grid.rows * grid.cols, HOT_CELLS, replace=False)
    weights = 1 / np.arange(1, HOT_CELLS + 1)
    n = DAYS * REPORTS_A_DAY
    row, col = np.divmod(rng.choice(places, n, p=weights / weights.sum()), grid.cols)
    hours = np.sort(rng.integers(0, DAYS * 24, n))
    reports = pd.DataFrame(
        {
            "occurred_at": FIRST_DAY + pd.to_timedelta(hours, unit="h"),
            "primary_type": rng.choice(["BATTERY", "ASSAULT", "THEFT"], n, p=[0.3, 0.2, 0.5]),
            "latitude": grid.south + (row + 0.5) * grid.cell_height_deg,
            "longitude": grid.west + (col + 0.5) * grid.cell_width_deg,
        }
    )
    reports.to_parquet(folder / "crime_2016_2017.parquet")


def settings_of(home: Path, replay_url: str) -> Settings:
    """Return settings under which a week takes seconds."""
    return Settings(
        home=home, replay_url=replay_url, page_rows=50_000, window_weeks=6, train_epochs=1
    )


def run_one(settings: Settings, issue_date: str) -> None:
    """Forecast one week."""
    run_week(settings, make_plan(settings, city=CITY, issue_date=issue_date, now=NOW), now=NOW)


def main(file: Path) -> None:
    """Make the home and pack it."""
    file = file.resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # MLflow notes where it was made
        write_reports(Path(folder))
        home = Path(folder) / "home"
        with ReplayServer(Simulated(Path(folder))) as server:
            for issue_date in ISSUED:
                run_one(settings_of(home, server.url), issue_date)
        with tarfile.open(file, "w:xz") as archive:
            for path in sorted(home.iterdir()):
                if path.name not in MADE_ANEW:
                    archive.add(path, path.name, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main(Path(sys.argv[1]))
