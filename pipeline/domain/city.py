"""A city is configuration: bounds, target offences, datasets, stations, read from one TOML file."""

import re
import tomllib
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator

from pipeline.domain.cells import Cells, read_cells
from pipeline.domain.city_parts import (
    Dataset,
    Frozen,
    NeighbourhoodLayer,
    Offences,
    Publication,
    Station,
)
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.grid_spec import GridSpec
from pipeline.domain.sentences import sentences

CITIES_DIR = Path(__file__).resolve().parent.parent / "cities"
OTHER = "other"
NAME = re.compile(r"[a-z][a-z0-9_]*")
FORMS = {
    "name": "lower-case letters, digits and _, a letter first, such as springfield",
    "id": "two times four letters or digits, such as ijzp-q8t2",
    "host": "an address such as https://data.example.org",
    "ghcn_id": "the 11 letters and digits of a GHCN-Daily station, such as USW00014819",
}
MOST_CELLS = 40_000
CELL_SIDE_M = (50, 20_000)


class City(Frozen):
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
        cells_file: CSV of in-city cells beside the TOML (row, col, division, perhaps
            neighbourhood); None means that the cells with any report in the data are in the city.
        neighbourhoods: where names of places beside their divisions come from; None if they stand
            in `cells_file`, or there are none.
        datasets, stations, forecast_point: where the data come from.
    """

    name: str = Field(pattern=f"^{NAME.pattern}$")
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

    def __hash__(self) -> int:
        """Let caches be kept by city; the same city in the same place is equal."""
        return hash((self.name, self.folder))

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            near = get_close_matches(name, sorted(available_timezones()), n=1, cutoff=0.5)
            raise ValueError(
                f"found {name!r}, expected a name of the IANA time zone database, such as "
                f"{(near or ['America/Chicago'])[0]}."
            ) from error
        return name

    @field_validator("datasets", "stations")
    @classmethod
    def _are_told_apart(
        cls, parts: tuple[Dataset, ...] | tuple[Station, ...]
    ) -> tuple[Dataset, ...] | tuple[Station, ...]:
        ids = Counter(part.id if isinstance(part, Dataset) else part.ghcn_id for part in parts)
        twice = [name for name, times in ids.items() if times > 1]
        if twice:
            raise ValueError(f"found {', '.join(twice)} twice, expected each once. Take one out.")
        return parts

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

    def listed_cells(self) -> Cells | None:
        """Return the in-city cells from `cells_file`, or None where the city has no such file.

        Raises:
            InvalidRequest: the file can't be read, or lists what can't be.
        """
        if self.cells_file is None:
            return None
        return read_cells(self.folder / self.cells_file, self.grid.shape, self.divisions)


def load_city(name_or_path: str, folder: Path | None = None, *, with_cells: bool = True) -> City:
    """Read and check a city, by its name or from a TOML file.

    A city of a name is one: where two of these places have it, they must say the same.

    Args:
        name_or_path: name of a city, or path of a file that ends in .toml.
        folder: holds cities beside those of the package.
        with_cells: whether to read `cells_file` too; without, it may be missing or of another grid.

    Raises:
        InvalidRequest: there is no such city or file, the file does not hold a valid city, or its
            name is taken.
    """
    places = [CITIES_DIR, *([folder] if folder else [])]
    if name_or_path.endswith(".toml"):
        asked = [Path(name_or_path)]
    else:
        named = NAME.fullmatch(name_or_path)
        asked = [place / f"{name_or_path}.toml" for place in places if named]
    path = next(filter(Path.is_file, asked), None)
    if path is None:
        raise InvalidRequest(_unknown(name_or_path, places))
    city = _read(path, with_cells=with_cells)
    for other in (place / f"{city.name}.toml" for place in places):
        if other.is_file() and not other.samefile(path):
            _require_same(city, path, _read(other, with_cells=with_cells), other)
    return city


def _unknown(name_or_path: str, places: list[Path]) -> str:
    known = ", ".join(sorted({file.stem for place in places for file in place.glob("*.toml")}))
    lacking = "".join(f" {place} is no folder." for place in places if not place.is_dir())
    return (
        f"There is no city {name_or_path!r}. Known: {known}.{lacking} For another, give "
        "the path of a TOML file written after docs/cities.md, or keep it in a folder that "
        "HOTSPOTS_CITIES_DIR names."
    )


def _read(path: Path, *, with_cells: bool) -> City:
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        # Not in the file: where it lies.
        city = City(**fields, folder=path.resolve().parent)
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{path} is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    except ValidationError as error:
        raise InvalidRequest(f"{path} is not a valid city. {sentences(error, FORMS)}") from error
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise InvalidRequest(f"{path} is not a valid city: {error}") from error
    _require_size(city.grid, path)
    if path.stem != city.name:
        raise InvalidRequest(
            f"{path} holds the city {city.name!r}. A city is found by its file: call the file "
            f"{city.name}.toml, or write name = {path.stem!r} into it."
        )
    if with_cells:
        city.listed_cells()
    return city


def _require_size(grid: GridSpec, path: Path) -> None:
    smallest, largest = CELL_SIDE_M
    fits = all(smallest <= side <= largest for side in grid.cell_size_m)
    if grid.rows * grid.cols > MOST_CELLS or not fits:
        height, width = grid.cell_size_m
        raise InvalidRequest(
            f"{path} is not a valid city. `grid`: found {grid.rows:,} x {grid.cols:,} cells of "
            f"{height:,.0f} m by {width:,.0f} m, expected at most {MOST_CELLS:,} cells with sides "
            f"of {smallest} to {largest:,} m. Change rows and cols, or the bounds: cells of about "
            "500 to 700 m do well."
        )


def _require_same(city: City, path: Path, other: City, other_path: Path) -> None:
    if _content(city) != _content(other):
        raise InvalidRequest(
            f"{path} and {other_path} say different things of a city {city.name!r}, under whose "
            "name all is stored. Give yours another name, in the file and as the file's name."
        )


def _content(city: City) -> tuple[object, ...]:
    """Return all that a city's files say of it, but for the neighbourhoods' outlines."""
    file = city.cells_file and city.folder / city.cells_file
    cells = file.read_bytes() if file and file.is_file() else None
    return city.model_dump(exclude={"folder"}), cells
