"""What can be asked of the results store; nothing here writes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Result, Select, func, inspect, select
from sqlalchemy.orm import Session, aliased

from pipeline.domain.errors import WeekNotReady
from pipeline.domain.weeks import ForecastWeeks
from pipeline.results.engine import make_engine, sqlite_file, transaction
from pipeline.results.records import CityStatus, RunRecord, StoredRun
from pipeline.results.staleness import staleness
from pipeline.results.tables import (
    Base,
    CellForecast,
    CityState,
    DataHealth,
    Model,
    ModelCard,
    Run,
    Score,
    TotalForecast,
    columns_of,
)

Columns = Mapping[str, Sequence[Any]]  # name -> the value of every row


class ResultsReader:
    """Read-only access to stored forecasts, their scores and the health of their data.

    Every question raises WeekNotReady where the store has no tables yet, and SourceUnavailable
    where it does not answer.
    """

    def __init__(self, url: str) -> None:
        """Point at a database; nothing is opened yet."""
        self._engine = make_engine(url)

    def cities(self) -> list[str]:
        """Return the cities that have a forecast, by name."""
        with self._read() as session:
            return list(session.scalars(select(Run.city).distinct().order_by(Run.city)))

    def weeks(self, city: str) -> list[StoredRun]:
        """Return the current run of every target week, newest week first."""
        with self._read() as session:
            return _stored(session, _current(city))

    def latest(self, city: str) -> StoredRun:
        """Return the current run of the last target week.

        Raises:
            WeekNotReady: the city has no forecast.
        """
        with self._read() as session:
            found = _stored(session, _current(city).limit(1))
        if not found:
            raise _missing(f"{city} has no stored forecast")
        return found[0]

    def run(self, city: str, target_week: date, revision: int | None = None) -> StoredRun:
        """Return a week's current run, or one of its revisions.

        Raises:
            WeekNotReady: there is none.
        """
        with self._read() as session:
            found = _stored(session, _runs(city, target_week, revision))
        if not found:
            raise no_forecast(city, target_week, revision)
        return found[0]

    def week(
        self, city: str, target_week: date, of_cells: Sequence[str]
    ) -> tuple[StoredRun, Columns, Columns]:
        """Return a week's current run, its in-city cells and its totals, at one moment.

        Args:
            city: short name of the city.
            target_week: Sunday of the week.
            of_cells: the columns wanted of the cells, out of those of `cells_frame`.

        Raises:
            WeekNotReady: the week has no forecast.
        """
        with self._read() as session:
            found = session.execute(_runs(city, target_week, None)).first()
            if found is None:
                raise no_forecast(city, target_week)
            run, model = found
            cells = _columns(session, CellForecast, run.id, of_cells)
            return _one_stored(run, model), cells, _columns(session, TotalForecast, run.id)

    def cells_frame(
        self, city: str, target_week: date, revision: int | None = None
    ) -> pd.DataFrame:
        """Return a week's in-city cells, one row each, in row-major order.

        Columns: row, col, division, mean, nb_size, p_any, rank, band, cluster, long_run_mean and
        p_top5 (NaN where they were not given), and the quantiles q05 to q95.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        frame = pd.DataFrame(self._rows(CellForecast, city, target_week, revision))
        return frame.astype({"long_run_mean": float, "p_top5": float})

    def totals(self, city: str, target_week: date, revision: int | None = None) -> pd.DataFrame:
        """Return a week's totals: kind ("city" or "division"), name, mean, nb_size, quantiles.

        The city comes first, then the divisions with the most expected reports.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        rows = pd.DataFrame(self._rows(TotalForecast, city, target_week, revision))
        by = ["kind", "mean", "name"]  # "city" comes before "division"
        return rows.sort_values(by, ascending=[True, False, True], ignore_index=True)

    def health(
        self, city: str, target_week: date, revision: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the outcomes of a run's checks: table, name, outcome, found, expected, rows.

        Raises:
            WeekNotReady: the week has no such forecast.
        """
        rows = self._rows(DataHealth, city, target_week, revision)
        del rows["position"]
        return [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]

    def unscored(self, city: str, edge_week: date) -> list[StoredRun]:
        """Return the current runs without scores of the target weeks up to `edge_week`.

        Args:
            city: short name of the city.
            edge_week: Sunday of the last week of which all reports are known.
        """
        has_scores = select(Score.run_pk).where(Score.run_pk == Run.id).exists()
        query = _current(city).where(Run.target_week <= edge_week, ~has_scores)
        with self._read() as session:
            return _stored(session, query)[::-1]

    def status(self, city: str) -> CityStatus:
        """Return what a city's forecasts look like now, also where it has none."""
        stored = select(func.count(Run.target_week.distinct())).where(Run.city == city)
        scored = stored.where(Run.id.in_(select(Score.run_pk)))
        with self._read() as session:
            state = session.get(CityState, city)
            latest = next(iter(_stored(session, _current(city).limit(1))), None)
            dates = latest.record.weeks if latest else None
            return CityStatus(
                city=city,
                latest=latest,
                weeks_stored=session.scalar(stored) or 0,
                weeks_scored=session.scalar(scored) or 0,
                stale=staleness(dates, state.stale_since, state.stale_reason) if state else None,
            )

    def card(self, city: str, version: str) -> str:
        """Return the card of a registered model, as Markdown.

        Raises:
            WeekNotReady: none is stored; the model was registered before cards were kept, or never.
        """
        found = self._card(city, version)
        if found is None:
            raise WeekNotReady(
                f"{city} has no card of a model {version}. A card is written when a model is "
                "trained; `hotspots models` lists the versions there are."
            )
        return found

    def has_card(self, city: str, version: str) -> bool:
        """Return whether a card of a registered model is stored."""
        return self._card(city, version) is not None

    def _card(self, city: str, version: str) -> str | None:
        with self._read() as session:
            if not inspect(session.connection()).has_table(ModelCard.__tablename__):
                return None
            found = session.get(ModelCard, (city, version))
            return found.card if found else None

    def _rows(
        self, table: type[Base], city: str, target_week: date, revision: int | None
    ) -> dict[str, Sequence[Any]]:
        with self._read() as session:
            run_pk = session.scalar(_runs(city, target_week, revision).with_only_columns(Run.id))
            if run_pk is None:
                raise no_forecast(city, target_week, revision)
            return _columns(session, table, run_pk)

    @contextmanager
    def _read(self) -> Iterator[Session]:
        file = sqlite_file(self._engine)
        if file is not None and not file.is_file():
            raise WeekNotReady(f"There is no results store at {file} yet. Run a week first.")
        with transaction(self._engine) as session:
            if not inspect(session.connection()).has_table(Run.__tablename__):
                raise WeekNotReady("The results store has no tables yet. Run a week first.")
            yield session


def _columns(
    session: Session, table: type[Base], run_pk: int, names: Sequence[str] = ()
) -> dict[str, Sequence[Any]]:
    """Return columns, all unless named, of the rows that a table holds for a run, by their key.

    One that is newer than the store, which the next week's run will add, is None throughout.
    """
    columns = {p.key: p.columns[0] for p in table.__mapper__.column_attrs if p.key != "run_pk"}
    inspector = inspect(session.connection())
    there = {column["name"] for column in inspector.get_columns(table.__tablename__)}
    known = [key for key in names or columns if columns[key].name in there]
    query = select(*(columns[key] for key in known)).where(table.__table__.c.run_pk == run_pk)
    rows = session.execute(query.order_by(*table.__table__.primary_key)).all()
    found = dict(zip(known, zip(*rows, strict=True), strict=True)) if rows else {}
    return {key: found.get(key, (None,) * len(rows)) for key in names or columns}


def as_frame(found: Result[*tuple[Any, ...]], names: Sequence[str]) -> pd.DataFrame:
    """Return rows as a frame, by columns: pandas looks into each row for names of its own."""
    columns = list(zip(*found.all(), strict=True)) or [()] * len(names)
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def no_forecast(city: str, target_week: date, revision: int | None = None) -> WeekNotReady:
    """Return what is to be raised where a week has no such forecast."""
    name = "forecast" if revision is None else f"revision {revision} of the forecast"
    return _missing(f"{city} has no {name} for the week of {target_week}")


def _missing(problem: str) -> WeekNotReady:
    return WeekNotReady(f"{problem}. Run that week first, or choose another.")


def _runs(city: str, target_week: date, revision: int | None) -> Select[Run, Model]:
    query = _all(city).where(Run.target_week == target_week)
    if revision is None:
        return query.order_by(Run.revision.desc()).limit(1)
    return query.where(Run.revision == revision)


def _all(city: str) -> Select[Run, Model]:
    query = select(Run, Model).join(Model, Run.model_id == Model.id).where(Run.city == city)
    return query.order_by(Run.target_week.desc())


def _current(city: str) -> Select[Run, Model]:
    """Select the highest revision of each of a city's weeks, newest week first."""
    other = aliased(Run)
    highest = select(func.max(other.revision)).where(
        other.city == Run.city, other.target_week == Run.target_week
    )
    return _all(city).where(Run.revision == highest.scalar_subquery())


def _stored(session: Session, query: Select[Run, Model]) -> list[StoredRun]:
    found: Sequence[Any] = session.execute(query).all()
    return [_one_stored(run, model) for run, model in found]


def _one_stored(run: Run, model: Model) -> StoredRun:
    return StoredRun(_record(run, model), run.revision, run.is_backfill)


def _record(run: Run, model: Model) -> RunRecord:
    kept = columns_of(
        run, "id", "revision", "is_backfill", "model_id", "issue_date", "edge_week", "target_week"
    )
    return RunRecord(
        **{**kept, "notes": tuple(run.notes)},
        weeks=ForecastWeeks(run.issue_date, run.edge_week, run.target_week),
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
    )
