"""A made-up city of 6 x 8 cells whose busy cells stay busy, and a small model of it."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.cells import Cells
from pipeline.domain.city import City, Offences
from pipeline.domain.columns import CUBE_COUNTS, CUBE_STATION_WEEKS, CUBE_STATIONS, CUBE_WEEKS
from pipeline.domain.grid_spec import GridSpec
from pipeline.domain.weeks import WEEK, ForecastWeeks
from pipeline.grid.cube import Cube
from pipeline.grid.gridded_weather import StationWeather
from pipeline.model.config import ModelConfig
from pipeline.model.opinions import fit_opinions

SHAPE = (6, 8)
FIRST = date(2019, 1, 6)
WEEKS = 60


def week(number: int) -> date:
    return FIRST + WEEK * number


def weeks_of(edge: int, horizon: int) -> ForecastWeeks:
    target = week(edge + horizon)
    return ForecastWeeks(target - timedelta(days=2), week(edge), target)


def small_config(**options) -> ModelConfig:
    small = {
        "window_weeks": 6,
        "window_filters": 2,
        "filters": 3,
        "epochs": 4,
        "total_filters": 2,
        "total_steps": 4,
    }
    return ModelConfig(**{**small, **options})


# Of three cells, by fourteen channels that say nothing.
SOME_OPINIONS = fit_opinions(
    np.zeros((2, 3, 14), np.float32), np.ones((2, 3), np.float32), ["theft"], small_config()
)


def make_cells() -> Cells:
    row, col = np.divmod(np.arange(SHAPE[0] * SHAPE[1]), SHAPE[1])
    inside = ~((row == 5) & (col > 4))  # 45 of 48 cells, so that the mask matters
    row, col = row[inside], col[inside]
    return Cells(SHAPE, row, col, tuple("south" if r < 3 else "north" for r in row))


def make_counts(cells: Cells, weeks: int, seed: int) -> pd.DataFrame:
    """Reports of week w known in w (8 of 10) or a week or two later; a third class unlocated."""
    random = np.random.default_rng(seed)
    rate = random.gamma(0.6, 5, len(cells))
    parts = []
    for name, level in (("robbery", 1.0), ("theft", 2.0)):
        for delay, share in enumerate((0.8, 0.15, 0.05)):
            season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(weeks) / 52)
            reports = random.poisson(level * share * season[:, None] * rate)
            w, cell = np.nonzero(reports)
            parts.append(
                pd.DataFrame(
                    {
                        "week_start": [week(k) for k in w],
                        "delay_weeks": delay,
                        "offence_class": name,
                        "row": cells.row[cell],
                        "col": cells.col[cell],
                        "reports": reports[w, cell],
                    }
                )
            )
    parts.append(
        pd.DataFrame(
            {
                "week_start": [week(k) for k in range(weeks)],
                "delay_weeks": 0,
                "offence_class": "rape",
                "row": -1,
                "col": -1,
                "reports": 3,
            }
        )
    )
    return pd.concat(parts)


def make_calendar(weeks: int) -> pd.DataFrame:
    """Whole weeks 0 to weeks - 1, one that is not whole before them, and six weeks ahead."""
    number = np.arange(-1, weeks + 6)
    return pd.DataFrame(
        {
            "week_start": [week(k) for k in number],
            "is_whole": (number >= 0) & (number < weeks),
            "reports": 0,
            "nibrs_share": 0.0,
            "holiday_days": (number % 13 == 0).astype(int),
            "holidays": "",
            "daylight_hours": 12 + 2 * np.sin(2 * np.pi * number / 52),
        }
    )


def make_weather(cells: Cells, weeks: int) -> StationWeather:
    """One station, whose weather every cell has; none in week 3."""
    names = [column.name for column in CUBE_STATION_WEEKS.columns]
    rows = [(week(k), "made up", 20.0, 0.0, 7.0, 0.0) for k in range(weeks) if k != 3]
    return StationWeather(
        CUBE_STATIONS.conform(pd.DataFrame({"station": ["made up"], "lat": 0.0, "lon": 0.0})),
        CUBE_STATION_WEEKS.conform(pd.DataFrame(rows, columns=names)),
        np.ones((len(cells), 1)),
    )


def make_cube(weeks: int = WEEKS, seed: int = 1) -> Cube:
    cells = make_cells()
    return Cube(
        cells,
        CUBE_COUNTS.conform(make_counts(cells, weeks, seed)),
        make_weather(cells, weeks),
        CUBE_WEEKS.conform(make_calendar(weeks)),
    )


def make_town() -> City:
    return City(
        name="town",
        title="Town",
        time_zone="UTC",
        grid=GridSpec(south=0, north=6, west=0, east=8, rows=6, cols=8),
        offences=Offences(target=("robbery",), citywide_only=("rape",)),
    )
