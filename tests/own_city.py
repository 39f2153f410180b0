"""Springfield: the city that docs/cities.md makes, on made-up reports."""

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.domain.city import load_city
from tests.services import ROOT

NAME = "springfield"
PAGE = (ROOT / "docs" / "cities.md").read_text()
# What there is to write and to type, in the order of the page, up to the reference.
BLOCKS = re.findall(r"```(toml|sh)\n(.*?)```", PAGE.split("## Field by field")[0], flags=re.DOTALL)
LEAST, WEEKLY = (block for kind, block in BLOCKS if kind == "toml")
HOT_CELLS, REPORTS_A_DAY = 60, 60


def write_city(folder: Path, *parts: str) -> Path:
    """Write the city's file of these parts of the page."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{NAME}.toml"
    path.write_text("\n".join(parts))
    return path


def write_reports(folder: Path, last_day: date, weeks: int) -> Path:
    """Write reports, in a few busy cells, as a portal with Chicago's columns would have them."""
    rng, days = np.random.default_rng(3), weeks * 7
    grid = load_city(str(write_city(folder, LEAST))).grid
    places = rng.choice(grid.rows * grid.cols, HOT_CELLS, replace=False)
    weights = 1 / np.arange(1, HOT_CELLS + 1)
    n = days * REPORTS_A_DAY
    row, col = np.divmod(rng.choice(places, n, p=weights / weights.sum()), grid.cols)
    first = pd.Timestamp(last_day - timedelta(days=days - 1))
    reports = pd.DataFrame(
        {
            "occurred_at": first + pd.to_timedelta(rng.integers(0, days * 1440, n), unit="min"),
            "primary_type": rng.choice(["BATTERY", "ROBBERY", "THEFT"], n, p=[0.3, 0.2, 0.5]),
            "latitude": grid.south + (row + rng.uniform(0.1, 0.9, n)) * grid.cell_height_deg,
            "longitude": grid.west + (col + rng.uniform(0.1, 0.9, n)) * grid.cell_width_deg,
        }
    )
    reports.to_parquet(folder / "crime_2016_2017.parquet")
    words = {"BATTERY": "aggravated assault", "ROBBERY": "robbery", "THEFT": "theft"}
    offence = reports["primary_type"].map(words)
    reports.assign(offence=offence).to_parquet(folder / "events.parquet")
    return folder
