"""A simulated Los Angeles: reports and weather that behave like the real ones."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.city import City, load_city
from pipeline.domain.city_parts import Station
from pipeline.domain.errors import InvalidRequest
from pipeline.replay.drawing import FIRST_DAY, UNPLACED_SHARE, draw_events
from pipeline.replay.intensity import Intensity
from pipeline.replay.lapd_tables import legacy_table, nibrs_table
from pipeline.replay.parameters import Kind, load_parameters
from pipeline.replay.places import CityPlaces
from pipeline.replay.simulated_weather import simulate_weather
from pipeline.replay.source import TITLES, PublishedDataset, refresh_moment

_DOWNTOWN = "USW00093134"
_WET_MM = 1.0
_DAYS_AHEAD = 40  # to the end of the last day's month, and for forecasts
_LEGACY_FROZEN = date(2025, 4, 1)  # no row of the old system changes after this


@dataclass(frozen=True)
class SimulatedCity:
    """A simulated city as it stands on `shown_day`; a `ReplaySource`.

    Attributes:
        city: the city that it imitates.
        shown_day: the server shows what was published by this day.
        events: every report, also those not yet published on `shown_day`.
        daily_weather: see `ReplaySource`.
        first_day, last_day: days of occurrence that were simulated.
    """

    city: City
    shown_day: date
    events: pd.DataFrame = field(repr=False)
    daily_weather: pd.DataFrame = field(repr=False)
    first_day: date
    last_day: date
    _intensity: Intensity = field(repr=False)
    _places: CityPlaces = field(repr=False)
    _kinds: tuple[Kind, ...] = field(repr=False)
    provenance: str = "simulated"

    @property
    def stations(self) -> tuple[Station, ...]:
        """Return the city's weather stations."""
        return self.city.stations

    def seen_on(self, shown_day: date) -> "SimulatedCity":
        """Return the same city on another day; nothing is simulated anew."""
        return replace(self, shown_day=shown_day)

    @cached_property
    def datasets(self) -> dict[str, PublishedDataset]:
        """Return the city's datasets as its portal shows them on `shown_day`."""
        known_through = self.city.publication.known_through(self.shown_day)
        is_known = self.events["reported_on"] <= pd.Timestamp(known_through)
        known = self.events[is_known]
        refreshed = known_through + timedelta(days=self.city.publication.lag_days)
        frozen = min(refreshed, _LEGACY_FROZEN)
        legacy = known[known["is_legacy"]]
        is_old = legacy["occurred_on"] < pd.Timestamp(2020, 1, 1)
        names = self.city.divisions
        old, new = legacy_table(legacy[is_old], names), legacy_table(legacy[~is_old], names)
        nibrs = nibrs_table(known[known["is_nibrs"]], names)
        return {
            "63jg-8b9z": self._published("63jg-8b9z", old, frozen),
            "2nrs-mtv8": self._published("2nrs-mtv8", new, frozen),
            "k7nn-b2ep": self._published("k7nn-b2ep", nibrs, refreshed),
        }

    def _published(self, dataset_id: str, table: pa.Table, updated: date) -> PublishedDataset:
        adapter = self.city.dataset(dataset_id).adapter
        title = f"SIMULATED {TITLES[dataset_id]}"
        return PublishedDataset(dataset_id, adapter, title, table, refresh_moment(updated))

    def true_weekly_rate(
        self, week_start: date, *, with_shocks: bool = True
    ) -> NDArray[np.float64]:
        """Return (rows, cols) expected reports of the target classes with a place, 0 outside.

        Args:
            week_start: Sunday of the week.
            with_shocks: whether the city's surprises of the week and its days are in it, which
                no forecast can know.

        Raises:
            InvalidRequest: the week was not simulated.
        """
        days = [week_start + timedelta(days=k) for k in range(7)]
        if days[0] < self.first_day or days[-1] > self.last_day:
            raise InvalidRequest(
                f"Week {week_start} is not within {self.first_day} to {self.last_day}."
            )
        rates = self._intensity.rates(days, with_shocks=with_shocks)
        target = np.array([_target_share(kind, self.city) for kind in self._kinds])
        cells = self._places.cells
        division = np.array([self.city.divisions.index(name) for name in cells.division])
        total = np.zeros(len(cells))
        for k, day in enumerate(days):
            for name in {kind.field for kind in self._kinds}:
                mine = target * np.array([kind.field == name for kind in self._kinds])
                share = self._places.cell_shares(name, day.year, day.month)
                total += (rates[k] @ mine)[division] * share
        grid = np.zeros(cells.shape)
        grid[cells.row, cells.col] = total * (1 - UNPLACED_SHARE)
        return grid


def _target_share(kind: Kind, city: City) -> float:
    """Return the share of a kind's reports that the city's target classes hold."""
    class_of = city.offences.class_of()
    return sum(
        share / sum(kind.codes.values())
        for code, share in kind.codes.items()
        if class_of.get(f"lapd:{code}") in city.offences.target
    )


def simulate(
    seed: int,
    first_day: date,
    last_day: date,
    shown_day: date | None = None,
) -> SimulatedCity:
    """Simulate every report that occurs from `first_day` to `last_day`.

    The same seed gives the same reports of a day whatever other days are simulated.

    Args:
        seed: seed of everything random.
        first_day: first day of occurrence, from FIRST_DAY on.
        last_day: last day of occurrence.
        shown_day: day on which the portal is looked at; by default the first refresh that shows
            `last_day`.

    Raises:
        InvalidRequest: the days are in the wrong order or too early.
    """
    if not FIRST_DAY <= first_day <= last_day:
        raise InvalidRequest(
            f"Can't simulate {first_day} to {last_day}: give days in order, from {FIRST_DAY} on."
        )
    city, parameters = load_city("los_angeles"), load_parameters()
    shown_day = shown_day or _first_refresh_showing(city, last_day)
    weather_end = max(last_day, shown_day) + timedelta(days=_DAYS_AHEAD)
    weather = simulate_weather(parameters.climate, city.stations, weather_end, seed)
    intensity = Intensity(parameters, warm_and_wet(weather, city.warm_day_degc), seed)
    places = CityPlaces(city, parameters.places, seed)
    events = draw_events(parameters, intensity, places, (first_day, last_day), seed)
    return SimulatedCity(
        city, shown_day, events, weather, first_day, last_day, intensity, places, parameters.kinds
    )


def _first_refresh_showing(city: City, day: date) -> date:
    refresh = day + timedelta(days=city.publication.lag_days)
    while city.publication.known_through(refresh) < day:
        refresh += timedelta(days=1)
    return refresh


def warm_and_wet(weather: pd.DataFrame, warm_degc: float) -> pd.DataFrame:
    """Return, by day, whether it is warm and whether it is wet downtown."""
    downtown = weather[weather["station"] == _DOWNTOWN].set_index("observed_on")
    return pd.DataFrame(
        {"is_warm": downtown["tmax_degc"] >= warm_degc, "is_wet": downtown["prcp_mm"] >= _WET_MM}
    )
