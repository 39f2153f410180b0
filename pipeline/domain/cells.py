"""The in-city cells of a grid, and the CSV file that lists them."""

import csv
from collections.abc import Container, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import InvalidRequest

HEADER = ["row", "col", "division"]
NAMED_HEADER = [*HEADER, "neighbourhood"]
WHOLE_CITY = "city"  # the one division of a city that lists none
BYTE_ORDER_MARK = "\ufeff"


class Cells:
    """The in-city cells of a grid, in row-major order, the division and neighbourhood of each."""

    def __init__(
        self,
        shape: tuple[int, int],
        row: NDArray[np.int64],
        col: NDArray[np.int64],
        division: tuple[str, ...],
        neighbourhood: tuple[str, ...] | None = None,
    ) -> None:
        """Sort the cells; `row`, `col`, `division`, `neighbourhood` are (cells,).

        A neighbourhood is "" for a cell in none; None stands for no names at all.
        """
        names = neighbourhood or ("",) * len(division)
        order = np.lexsort((col, row))
        self.shape = shape
        self.row = np.asarray(row)[order]
        self.col = np.asarray(col)[order]
        self.division = tuple(division[k] for k in order)
        self.neighbourhood = tuple(names[k] for k in order)

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
    def with_any(
        cls, shape: tuple[int, int], row: NDArray[np.number], col: NDArray[np.number]
    ) -> "Cells":
        """Return the cells that hold any of these points, as one division."""
        ids = np.unique(row * shape[1] + col)
        return cls(shape, ids // shape[1], ids % shape[1], (WHOLE_CITY,) * len(ids))


def read_cells(path: Path, shape: tuple[int, int], divisions: tuple[str, ...]) -> Cells:
    """Return the cells that a CSV file lists under row,col,division and perhaps neighbourhood.

    Args:
        path: the file.
        shape: (rows, cols) of the grid.
        divisions: the names that a division may have; none means any.

    Raises:
        InvalidRequest: the file can't be read, lists nothing, or has a line that can't be.
    """
    changed = path.stat().st_mtime_ns if path.is_file() else None
    return _read(path, shape, divisions, changed)


@lru_cache(maxsize=16)
def _read(
    path: Path, shape: tuple[int, int], divisions: tuple[str, ...], _changed: int | None
) -> Cells:
    found: dict[tuple[int, int], tuple[str, str]] = {}
    header, *lines = _lines(path)
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        try:
            place, names = _cell(header, line, shape, divisions)
            _require_new(place, found)
        except ValueError as error:
            raise InvalidRequest(f"{path}, line {number}: {error}.") from error
        found[place] = names
    if not found:
        raise InvalidRequest(f"{path} lists no cell below its header. Give one line for each.")
    places = np.array(list(found), dtype=np.int64)
    return Cells(shape, places[:, 0], places[:, 1], *zip(*found.values(), strict=True))


def _lines(path: Path) -> list[list[str]]:
    """Return the header and the lines below it, each as its fields."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(
            f"cells_file {path} can't be read ({error.strerror}). Make it with `hotspots cells`, "
            "or leave cells_file out: then the cells with any report are in the city."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8 ({error.reason}). Save it as UTF-8.") from error
    if text.startswith(BYTE_ORDER_MARK):
        raise InvalidRequest(
            f"{path} begins with a byte order mark. Save it as plain UTF-8, without one (in "
            'Excel: "CSV (Comma delimited)").'
        )
    lines = list(csv.reader(text.splitlines())) or [[]]
    if lines[0] not in (HEADER, NAMED_HEADER):
        raise InvalidRequest(
            f"{path} has the header {','.join(lines[0])!r}, where {','.join(HEADER)!r} was "
            "expected, or that and ',neighbourhood'. Write that as its first line."
        )
    return lines


def _cell(
    header: Sequence[str], line: list[str], shape: tuple[int, int], divisions: Sequence[str]
) -> tuple[tuple[int, int], tuple[str, str]]:
    """Return (row, col), and division and neighbourhood, or a ValueError that says what's wrong."""
    if len(line) != len(header):
        raise ValueError(f"found {len(line)} fields, expected {len(header)}: {','.join(header)}")
    row, col = (_index(*given) for given in zip(HEADER, line[:2], shape, strict=False))
    division, neighbourhood = (*line[2:], "")[:2]
    division = division.strip()
    if not division:
        raise ValueError("the division is empty. Give it a name")
    if divisions and division not in divisions:
        raise ValueError(
            f"{division!r} is none of the city's divisions. Add it to `divisions`, or write it as "
            "it stands there"
        )
    return (row, col), (division, neighbourhood.strip())


def _require_new(place: tuple[int, int], found: Container[tuple[int, int]]) -> None:
    if place in found:
        raise ValueError(f"row {place[0]}, col {place[1]} is listed twice. Take one of them out")


def _index(name: str, text: str, size: int) -> int:
    if not text.strip().removeprefix("-").isdecimal():
        raise ValueError(f"{name} is {text!r}, where a whole number was expected")
    index = int(text)
    if not 0 <= index < size:
        raise ValueError(
            f"{name} {index} lies outside the grid, where it goes from 0 to {size - 1}. Make the "
            "file anew for this grid"
        )
    return index
