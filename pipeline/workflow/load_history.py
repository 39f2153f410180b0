"""A city's whole history, pulled in pieces of a dataset and a year, so that a stop loses little."""

from datetime import date, datetime
from itertools import groupby
from typing import TypedDict, cast

import pyarrow as pa

from pipeline.domain.city import City
from pipeline.domain.city_parts import Dataset
from pipeline.domain.errors import WeekNotReady
from pipeline.lake.lake import Lake, Ref
from pipeline.settings import Settings
from pipeline.sources.crime import pull_crime
from pipeline.sources.http import HttpClient
from pipeline.sources.pulled import Pull
from pipeline.workflow.ability import require_weekly, wanted_datasets
from pipeline.workflow.clock_floor import require_clock
from pipeline.workflow.pull import store_pull

KIND = "history"


class Piece(TypedDict):
    """One dataset's reports of one year of occurrence."""

    city: str
    dataset: str
    year: int


class LoadedPiece(Piece):
    """A piece that the lake holds: where, its rows, and whether it was there before."""

    ref: str
    rows: int
    was_held: bool


class Snapshotted(TypedDict):
    """The snapshots made of the pieces: dataset -> rows, and dataset -> hash."""

    city: str
    rows: dict[str, int]
    sha256: dict[str, str]


def plan_history(settings: Settings, city_name: str, *, now: datetime) -> list[Piece]:
    """Return the pieces of a city's history, oldest dataset first.

    Raises:
        InvalidRequest: there is no such city, or no week of it can be forecast.
    """
    city = settings.city(city_name)
    require_weekly(settings, city)
    return [
        Piece(city=city.name, dataset=dataset.id, year=year)
        for dataset in wanted_datasets(city, settings)
        for year in _years(dataset, now.year)
    ]


def load_piece(settings: Settings, piece: Piece, *, now: datetime) -> LoadedPiece:
    """Pull a piece, or keep the one that is held where the source has not changed since.

    Raises:
        SourceUnavailable, DatasetMoved, SchemaDrift: as the source fails.
    """
    city, lake = settings.city(piece["city"]), Lake(settings.lake_root)
    held = _held(lake, piece)
    last = _updated_at(lake, held) if held else None
    pull = pull_crime(
        HttpClient(settings), settings, city, _dataset_of(settings, city, piece, now.year), last
    )
    if pull is not None:
        held = lake.write(KIND, _group(piece), {"reports": pull.table}, _info(pull))
    # Without a piece that is held, `last` is None and the source has been pulled.
    ref = cast("Ref", held)
    rows = lake.read(ref)["reports"].num_rows
    return LoadedPiece(**piece, ref=ref.to_json(), rows=rows, was_held=pull is None)


def snapshot_history(
    settings: Settings, pieces: list[LoadedPiece], *, now: datetime
) -> Snapshotted:
    """Make one snapshot of each dataset's pieces, as if it had been pulled at once.

    A dataset whose newest snapshot is of the same state of the source gets no second one.

    Raises:
        WeekNotReady: a source changed while its pieces were pulled.
        InvalidRequest: the lake holds data of another origin.
        ClockSetBack: `now` lies before what is stored.
    """
    lake, rows, sha256 = Lake(settings.lake_root), {}, {}
    city = settings.city(pieces[0]["city"])
    require_clock(settings, city.name, now)
    for dataset, of_dataset in groupby(pieces, key=lambda piece: piece["dataset"]):
        pull = _whole(lake, dataset, [Ref.from_json(piece["ref"]) for piece in of_dataset])
        held = lake.snapshots(city.name, dataset)
        if not held or held[-1].source_updated_at != pull.source_updated_at:
            held = [store_pull(lake, city, pull, now)]
        rows[dataset], sha256[dataset] = pull.table.num_rows, held[-1].ref.sha256
    return Snapshotted(city=city.name, rows=rows, sha256=sha256)


def _years(dataset: Dataset, this_year: int) -> range:
    end = dataset.occurred_before
    # The day before the end, so that an end on 1 January adds no empty year.
    last = this_year if end is None else (end.year if end > date(end.year, 1, 1) else end.year - 1)
    return range(dataset.occurred_from.year, min(last, this_year) + 1)


def _dataset_of(settings: Settings, city: City, piece: Piece, this_year: int) -> Dataset:
    """Return the piece's dataset, cut to its year; the newest year stays open at its end."""
    wanted = wanted_datasets(city, settings)
    dataset = next(dataset for dataset in wanted if dataset.id == piece["dataset"])
    first, end = date(piece["year"], 1, 1), date(piece["year"] + 1, 1, 1)
    if piece["year"] == _years(dataset, this_year)[-1]:
        end = dataset.occurred_before or date.max
    return dataset.model_copy(
        update={
            "occurred_from": max(first, dataset.occurred_from),
            "occurred_before": None if end == date.max else end,
        }
    )


def _group(piece: Piece) -> str:
    return f"{piece['city']}/{piece['dataset']}/{piece['year']}"


def _held(lake: Lake, piece: Piece) -> Ref | None:
    """Return the piece of the newest state of the source that the lake holds."""
    refs = lake.refs(KIND, _group(piece))
    return max(refs, key=lambda ref: _updated_at(lake, ref), default=None)


def _updated_at(lake: Lake, ref: Ref) -> datetime:
    return datetime.fromisoformat(lake.info(ref)["source_updated_at"])


def _info(pull: Pull) -> dict[str, object]:
    return {
        "source_updated_at": pull.source_updated_at and pull.source_updated_at.isoformat(),
        "provenance": pull.provenance,
    }


def _whole(lake: Lake, dataset: str, refs: list[Ref]) -> Pull:
    states = {_updated_at(lake, ref) for ref in refs}
    if len(states) > 1:
        raise WeekNotReady(
            f"{dataset} was refreshed while its years were pulled: they are of "
            f"{', '.join(f'{state:%Y-%m-%d %H:%M}' for state in sorted(states))} UTC. Run this "
            "again; only the years of before are pulled anew."
        )
    table = pa.concat_tables([lake.read(ref)["reports"] for ref in refs])
    return Pull(dataset, table, states.pop(), str(lake.info(refs[0])["provenance"]))
