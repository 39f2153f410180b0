"""All of a city's weeks and scores as Parquet, in folders by year, as pandas and DuckDB read."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pipeline.domain.city import City
from pipeline.files import MANIFEST, parquet_bytes, write_file
from pipeline.results.products.exports import (
    cells_table,
    file_stem,
    manifest,
    row_keys,
    totals_table,
)
from pipeline.results.products.file_columns import DICTIONARY, YEAR, dictionary_file, for_files
from pipeline.results.store.reader import ResultsReader
from pipeline.results.store.records import StoredRun

DATES = ["target_week", "issue_date", "scored_edge_week"]
Tables = dict[str, pd.DataFrame]  # "cells", "totals", "scores" -> rows


def export_all(store: ResultsReader, city: City, folder: Path) -> list[Path]:
    """Write each week's current forecast, what was counted and all scores; return the files.

    `cells`, `totals` and `scores` have a folder for each year of target weeks, with a file for each
    provenance. Beside them lie the dictionary of their columns and, last, the manifest.

    Raises:
        WeekNotReady: the city has no forecast.
    """
    store.latest(city.name)
    runs = store.weeks(city.name)[::-1]
    files: dict[str, bytes] = {}
    columns = [YEAR]
    for part, tables in _parts(store, city, runs):
        files |= {f"{kind}/{part}": _parquet(table) for kind, table in tables.items()}
        columns += [name for table in tables.values() for name in table]
    files[DICTIONARY] = dictionary_file(columns)
    facts = {
        "city": city.name,
        "provenance": sorted({run.record.provenance for run in runs}),
        "target_weeks": [run.record.weeks.target_week.isoformat() for run in runs],
    }
    files[MANIFEST] = manifest(facts, files, columns)
    return [write_file(folder / name, content) for name, content in files.items()]


def _parts(store: ResultsReader, city: City, runs: list[StoredRun]) -> Iterator[tuple[str, Tables]]:
    """Yield the place of a year's files of one provenance, and what they hold."""
    known = set(store.observed_weeks(city.name)["week_start"])
    scores = for_files(store.current_scores(city.name))
    for (year, provenance), some in groupby(sorted(runs, key=_part), _part):
        weeks = [_week(store, city, run, known, scores) for run in some]
        tables = {kind: pd.concat([week[kind] for week in weeks]) for kind in weeks[0]}
        name = f"{YEAR}={year}/{file_stem(city.name, provenance)}.parquet"
        yield name, {kind: table for kind, table in tables.items() if len(table)}


def _part(run: StoredRun) -> tuple[int, str]:
    return run.record.weeks.target_week.year, run.record.provenance


def _week(
    store: ResultsReader, city: City, run: StoredRun, known: set[date], scores: pd.DataFrame
) -> Tables:
    week, keys = run.record.weeks.target_week, row_keys(run)
    cells = store.cells_frame(city.name, week, run.revision)
    totals = store.totals(city.name, week, run.revision)
    counted = store.counts(city.name, week) if week in known else [None] * len(cells)
    in_cells = pd.Series(counted, cells.index, dtype="Int32")
    in_places = in_cells.groupby(cells["division"]).sum(min_count=1)
    in_places.loc["city"] = in_cells.sum(min_count=1)
    of_week = scores[scores["target_week"] == week].sort_values(["model", "score"])
    return {
        "cells": cells_table(run, cells, city).assign(counted=in_cells),
        "totals": totals_table(run, totals, cells).assign(counted=totals["name"].map(in_places)),
        "scores": of_week.assign(**keys)[[*keys, "model", "score", "value", "scored_edge_week"]],
    }


def _parquet(rows: pd.DataFrame) -> bytes:
    dates = {name: pd.to_datetime(rows[name]).dt.date for name in rows.columns.intersection(DATES)}
    return parquet_bytes(pa.Table.from_pandas(rows.assign(**dates), preserve_index=False))
