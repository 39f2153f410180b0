"""All that is wrong with a results store: its file, and each group of its rows against its hash."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pipeline.domain.distributions import NEARLY_POISSON_SIZE
from pipeline.domain.errors import CorruptArtifact, HotspotsError
from pipeline.domain.fault import Fault
from pipeline.domain.storage import sqlite_faults
from pipeline.evaluation.scores import probability_of_any
from pipeline.results.store.database import Connected, sqlite_file
from pipeline.results.store.quantiles import quantiles
from pipeline.results.store.seals import (
    GROUPED_BY,
    OF_EACH_RUN,
    SEALS,
    Columns,
    group,
    hash_rows,
    key_text,
    keys_of,
)
from pipeline.results.store.tables import (
    Base,
    CellForecast,
    Model,
    ObservedCell,
    ObservedWeek,
    Run,
    Score,
    Seal,
)

RESTORE = "Put back a copy of the results store from before that."
NOT_SHOWN = "It is not what was published; the week is not shown, exported or reported."
MEANS: Mapping[type[Base], str] = {
    **dict.fromkeys((Model, Run, *OF_EACH_RUN), NOT_SHOWN),
    Score: "How the forecast came true is not what was computed.",
    ObservedWeek: "What was counted in the week is not what was known.",
    ObservedCell: "What was counted in the cells is not what was known.",
}
# From the city and the hash of a forecast to the cells that the lake holds of it, if it does.
Made = Callable[[str, str], pd.DataFrame | None]
RUNS = Run.__table__.c
MOST = 3  # cells that a fault names


class StoredForecast(NamedTuple):
    """A stored forecast: what it is called, its city, its cube as a pointer in JSON, its hash."""

    name: str
    city: str
    input_ref: str
    sha256: str


class StoreFaults(Connected):
    """Looks through a whole results store."""

    def find(self, made: Made) -> Iterator[Fault]:
        """Yield all that is wrong with it; every row is read.

        Args:
            made: returns row, col, mean, nb_size and p_top5 of a forecast as the lake holds it.
        """
        for said in sqlite_faults(sqlite_file(self._engine)):
            yield Fault("store", "results.db", said, "No row of it can be trusted.", RESTORE)
        for table in GROUPED_BY:
            try:
                with self._read() as session:
                    yield from list(_of_table(session, table, made))
                    yield from list(_of_sums(session) if table is ObservedWeek else ())
                    yield from list(_of_seals(session) if table is Run else ())
            except CorruptArtifact as error:
                yield _fault(table, table.__tablename__, str(error))
            except HotspotsError as error:  # of all tables: there are none, or other ones
                yield _fault(table, "the tables", f"{type(error).__name__}: {error}")
                return

    def forecasts(self) -> list[StoredForecast]:
        """Return all stored forecasts; none where they can't be read, of which `find` tells."""
        try:
            with self._read() as session:
                runs = _runs(session)
                found = session.execute(
                    select(RUNS.id, RUNS.city, RUNS.input_ref, RUNS.forecast_sha256)
                )
                return [StoredForecast(_named(runs, str(run)), *facts) for run, *facts in found]
        except HotspotsError:
            return []


def _of_table(session: Session, table: type[Base], made: Made) -> Iterator[Fault]:
    name = table.__tablename__
    query = select(SEALS.c.group_key, SEALS.c.sha256).where(SEALS.c.table_name == name)
    seals = {key: sha256 for key, sha256 in session.execute(query)}  # noqa: C416
    runs = _runs(session)
    for key in keys_of(session, table):
        columns, text = group(session, table, key), key_text(key)
        expected, where = seals.pop(text, None), f"{name}, {_of_whom(table, runs, text)}"
        if expected is None:
            yield _fault(table, where, "No hash was kept of these rows: they were added since.")
        elif hash_rows(table, columns) != expected:
            said = f"{len(columns['q50'])} rows. " if table is CellForecast else ""
            said += _of_cells(table, columns, made, runs, text)
            yield _fault(table, where, f"These rows don't match the hash kept of them. {said}")
        elif said := _of_cells(table, columns, made, runs, text):
            yield _fault(table, where, f"These rows are not what the model made. {said}")
    for text in seals:
        where = f"{name}, {_of_whom(table, runs, text)}"
        yield _fault(table, where, "These rows are gone; a hash of them was kept.")


def _of_seals(session: Session) -> Iterator[Fault]:
    """Yield the hashes that are kept of no table."""
    tables = [table.__tablename__ for table in GROUPED_BY]
    query = select(SEALS.c.table_name, SEALS.c.group_key).where(SEALS.c.table_name.not_in(tables))
    for table, key in session.execute(query):
        yield _fault(Seal, f"row_seals, {table} {key}", "There is no such table.")


def _of_sums(session: Session) -> Iterator[Fault]:
    """Yield known weeks whose cells don't add up to their reports."""
    by = (ObservedCell.city, ObservedCell.week_start)
    cells = session.execute(select(*by, func.sum(ObservedCell.reports)).group_by(*by))
    sums = {(city, week): reports for city, week, reports in cells}
    weeks = select(ObservedWeek.city, ObservedWeek.week_start, ObservedWeek.reports)
    for city, week, reports in session.execute(weeks):
        found = sums.get((city, week), 0)
        if found != reports:
            where = f"observed_weeks, {city} {week}"
            yield _fault(ObservedWeek, where, f"It has {reports} reports, its cells {found}.")


def _of_cells(
    table: type[Base], columns: Columns, made: Made, runs: Mapping[str, tuple[str, ...]], run: str
) -> str:
    """Return which cells of a forecast differ from what the lake holds; "" if none or unknown."""
    if table is not CellForecast or run not in runs:
        return ""
    city, _, _, sha256 = runs[run]
    expected = made(city, sha256)
    if expected is None:
        return ""
    found = pd.DataFrame(dict(columns)).set_index(["row", "col"])
    wanted = _derived(expected).set_index(["row", "col"])
    if set(found.index) != set(wanted.index):
        lost, more = wanted.index.difference(found.index), found.index.difference(wanted.index)
        return f"Cells that are gone: {_listed(lost)}; cells that were added: {_listed(more)}."
    found = found.loc[wanted.index, wanted.columns].apply(pd.to_numeric, errors="coerce")
    differs = ~(np.isclose(found, wanted, rtol=1e-12, atol=0, equal_nan=True))
    told = [
        f"row {cell[0]} column {cell[1]}: {name} is {found.loc[cell, name]:.6g}, "
        f"{wanted.loc[cell, name]:.6g} was made"
        for cell, is_other in zip(wanted.index, differs, strict=True)
        for name in wanted.columns[is_other]
    ]
    more = f"; and {len(told) - MOST} more" if len(told) > MOST else ""
    return f"{'; '.join(told[:MOST])}{more}." if told else ""


def _derived(made: pd.DataFrame) -> pd.DataFrame:
    """Return what a stored forecast holds of the cells that a model made."""
    mean, size = made["mean"], np.minimum(made["nb_size"], NEARLY_POISSON_SIZE)
    plain = made[["row", "col", "mean", "p_top5"]].astype({"p_top5": float})
    chance = probability_of_any(mean.to_numpy(), size.to_numpy())
    return plain.assign(nb_size=size, p_any=chance, **quantiles(mean, size))


def _runs(session: Session) -> dict[str, tuple[str, ...]]:
    """Return id -> city, week, revision and hash of every run, as texts, whatever they hold."""
    rows = session.connection().exec_driver_sql(
        "SELECT id, city, target_week, revision, forecast_sha256 FROM forecast_runs"
    )
    return {str(row[0]): tuple(map(str, row[1:])) for row in rows}


def _of_whom(table: type[Base], runs: Mapping[str, tuple[str, ...]], key: str) -> str:
    return _named(runs, key) if table in (Run, Score, *OF_EACH_RUN) else key


def _named(runs: Mapping[str, tuple[str, ...]], run: str) -> str:
    if run not in runs:
        return f"of run {run}"
    city, week, revision, _ = runs[run]
    return f"{city}, week of {week}, revision {revision}"


def _listed(cells: pd.Index) -> str:
    told = [f"row {row} column {col}" for row, col in cells[:MOST]]
    return (
        ", ".join(told) + (f" and {len(cells) - MOST} more" if len(cells) > MOST else "") or "none"
    )


def _fault(table: type[Base], where: str, found: str) -> Fault:
    means = MEANS.get(table, "What is told of it is not what was written.")
    return Fault("store", where, found.strip(), means, RESTORE)
