"""What can be asked of the results store; nothing here writes."""

from datetime import date, datetime

from sqlalchemy import func, select

from pipeline.domain.errors import WeekNotReady
from pipeline.results.store.current import current_runs, missing, runs_of, stored
from pipeline.results.store.many_weeks import ManyWeeks
from pipeline.results.store.one_week import OneWeek
from pipeline.results.store.records import CityStatus, StoredRun
from pipeline.results.store.stale import staleness
from pipeline.results.store.tables import CityState, ModelCard, Run, Score


class ResultsReader(OneWeek, ManyWeeks):
    """Read-only access to stored forecasts, their scores and the health of their data.

    Every question raises WeekNotReady where the store has no tables yet, StoreOutdated where they
    are those of another version of the code, and SourceUnavailable where it does not answer.
    """

    def cities(self) -> list[str]:
        """Return the cities that have a forecast, by name."""
        with self._read() as session:
            return list(session.scalars(select(Run.city).distinct().order_by(Run.city)))

    def weeks(self, city: str) -> list[StoredRun]:
        """Return the current run of every target week, newest week first."""
        with self._read() as session:
            return stored(session, current_runs(city))

    def runs(self, city: str) -> list[StoredRun]:
        """Return every run of every target week, all revisions, newest week first."""
        with self._read() as session:
            return stored(session, runs_of(city))

    def latest(self, city: str) -> StoredRun:
        """Return the current run of the last target week.

        Raises:
            WeekNotReady: the city has no forecast.
        """
        with self._read() as session:
            found = stored(session, current_runs(city).limit(1))
        if not found:
            raise missing(f"{city} has no stored forecast")
        return found[0]

    def newest_publication(self, city: str) -> datetime | None:
        """Return when a city's last forecast was stored, UTC, of any week and revision."""
        with self._read() as session:
            return session.scalar(select(func.max(Run.created_at)).where(Run.city == city))

    def unscored(self, city: str, edge_week: date) -> list[StoredRun]:
        """Return the current runs without scores of the target weeks up to `edge_week`.

        Args:
            city: short name of the city.
            edge_week: Sunday of the last week of which all reports are known.
        """
        has_scores = select(Score.run_pk).where(Score.run_pk == Run.id).exists()
        query = current_runs(city).where(Run.target_week <= edge_week, ~has_scores)
        with self._read() as session:
            return stored(session, query)[::-1]

    def status(self, city: str) -> CityStatus:
        """Return what a city's forecasts look like now, also where it has none."""
        weeks = select(func.count(Run.target_week.distinct())).where(Run.city == city)
        scored = weeks.where(Run.id.in_(select(Score.run_pk)))
        with self._read() as session:
            state = session.get(CityState, city)
            latest = next(iter(stored(session, current_runs(city).limit(1))), None)
            dates = latest.record.weeks if latest else None
            return CityStatus(
                city=city,
                latest=latest,
                weeks_stored=session.scalar(weeks) or 0,
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
            found = session.get(ModelCard, (city, version))
            return found.card if found else None
