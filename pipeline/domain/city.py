"""A city is configuration: bounds, target offences, datasets, stations, read from one TOML file."""

import csv
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec

CITIES_DIR = Path(__file__).resolve().parent.parent / "cities"
OTHER = "other"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dataset(_Frozen):
    """One Socrata dataset of crime reports.

    Attributes:
        id: the portal's four-by-four id.
        host: the portal, with scheme.
        adapter: which client reads its columns.
        occurred_from: first day of occurrence to take from it.
        occurred_before: day of occurrence from which it is not taken; None means no end.
        is_live: whether the city still adds to it.
        expected_every_days: for a live one, the longest time between two refreshes.
    """

    id: str = Field(pattern=r"^[a-z0-9]{4}-[a-z0-9]{4}$")
    host: str
    adapter: Literal["lapd_legacy", "lapd_nibrs", "chicago"]
    occurred_from: date
    occurred_before: date | None = None
    is_live: bool = False
    expected_every_days: int = 16


class Station(_Frozen):
    """A weather station, with its id in each service (`icao` None where it has none)."""

    ghcn_id: str = Field(pattern=r"^[A-Z0-9]{11}$")
    icao: str | None = None
    name: str
    lat: float
    lon: float
    elevation_m: float


class NeighbourhoodLayer(_Frozen):
    """Polygons that give places their names, and nothing else.

    Attributes:
        file: GeoJSON in degrees, by its absolute path or beside the TOML.
        name_property: the property of each feature that holds its name.
    """

    file: str
    name_property: str = "name"


class Publication(_Frozen):
    """When reports become public.

    Attributes:
        lag_days: days from the newest published occurrence to the refresh that publishes it.
        refresh_every_days: days between refreshes.
        refresh_anchor: one date on which a refresh happened.
        stale_after_days: age of the newest report past which no forecast is made.
    """

    lag_days: int = Field(default=0, ge=0)
    refresh_every_days: int = Field(default=1, ge=1)
    refresh_anchor: date = date(2020, 1, 1)
    stale_after_days: int = Field(default=35, ge=7)

    def known_through(self, as_of: date) -> date:
        """Return the newest day whose reports the last refresh on or before `as_of` held."""
        since_refresh = (as_of - self.refresh_anchor).days % self.refresh_every_days
        return as_of - timedelta(days=since_refresh + self.lag_days)


class Offences(_Frozen):
    """Which offences are forecast, and which codes mean them.

    Attributes:
        target: classes that are summed into the forecast.
        citywide_only: classes counted for the whole city and never placed on a map.
        codes: offence class -> codes, each prefixed by its scheme ("lapd:230", "nibrs:13A").
    """

    target: tuple[str, ...] = Field(min_length=1)
    citywide_only: tuple[str, ...] = ()
    codes: dict[str, tuple[str, ...]] = {}

    def class_of(self) -> dict[str, str]:
        """Return the class of every known code; a code not in it is 'other'."""
        return {code: name for name, codes in self.codes.items() for code in codes}


class City(_Frozen):
    """All that the pipeline knows of a city before it sees data.

    Attributes:
        name: short name, used in paths and tables.
        title: name for people.
        time_zone: IANA zone; dates are local to it.
        grid: bounds and shape.
        offences: target and code map.
        publication: how late reports appear.
        warm_day_degc: a day whose maximum reaches this counts as warm.
        country, subdivision: for the holidays library.
        cells_file: CSV of in-city cells beside the TOML (row, col, division); None means that the
            cells with any report in the data are in the city.
        neighbourhoods: layer that names places beside their divisions; None for no such names.
        datasets, stations, forecast_point: where the data come from.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    time_zone: str
    grid: GridSpec
    offences: Offences
    publication: Publication = Publication()
    warm_day_degc: float = 29.4
    country: str = "US"
    subdivision: str | None = None
    cells_file: str | None = None
    neighbourhoods: NeighbourhoodLayer | None = None
    datasets: tuple[Dataset, ...] = ()
    stations: tuple[Station, ...] = ()
    divisions: tuple[str, ...] = ()
    folder: Path = CITIES_DIR

    def dataset(self, dataset_id: str) -> Dataset:
        """Return the dataset of this id.

        Raises:
            InvalidRequest: the city has none of this id.
        """
        for dataset in self.datasets:
            if dataset.id == dataset_id:
                return dataset
        known = ", ".join(d.id for d in self.datasets) or "none"
        raise InvalidRequest(f"{self.title} has no dataset {dataset_id}; it has {known}.")

    def listed_cells(self) -> "Cells | None":
        """Return the in-city cells from `cells_file`, or None where the city has no such file."""
        if self.cells_file is None:
            return None
        with (self.folder / self.cells_file).open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        return Cells(
            self.grid.shape,
            np.array([int(r["row"]) for r in rows]),
            np.array([int(r["col"]) for r in rows]),
            tuple(r["division"] for r in rows),
        )


class Cells:
    """The in-city cells of a grid, in row-major order, and the division of each."""

    def __init__(
        self,
        shape: tuple[int, int],
        row: NDArray[np.int64],
        col: NDArray[np.int64],
        division: tuple[str, ...],
    ) -> None:
        """Sort the cells; `row`, `col`, `division` are (cells,)."""
        order = np.lexsort((col, row))
        self.shape = shape
        self.row = np.asarray(row)[order]
        self.col = np.asarray(col)[order]
        self.division = tuple(division[k] for k in order)

    def __len__(self) -> int:
        """Return the number of in-city cells."""
        return len(self.row)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(rows, cols), True in the city."""
        mask = np.zeros(self.shape, dtype=bool)
        mask[self.row, self.col] = True
        return mask

    @classmethod
    def with_any(cls, shape: tuple[int, int], row: NDArray, col: NDArray) -> "Cells":
        """Return the cells that hold any of these points, as one division 'city'."""
        ids = np.unique(row * shape[1] + col)
        return cls(shape, ids // shape[1], ids % shape[1], ("city",) * len(ids))


def load_city(name_or_path: str) -> City:
    """Read a city by its name or from a TOML file.

    Raises:
        InvalidRequest: there is no such city or file, or the file does not hold a valid city.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = CITIES_DIR / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CITIES_DIR.glob("*.toml")))
        raise InvalidRequest(
            f"There is no city {name_or_path!r}. Known: {known}; or give the path of a TOML file "
            "written after docs/cities.md."
        )
    try:
        return City(**tomllib.loads(path.read_text()), folder=path.resolve().parent)
    except (tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        raise InvalidRequest(f"{path} is not a valid city: {error}") from error
