"""The parts of a city: datasets, stations, neighbourhoods, publication rule, offences."""

from collections import Counter
from datetime import date, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

TWICE = {
    "class": (
        "stands twice in `target` and `citywide_only`. A class is forecast on the map or counted "
        "for the whole city alone: take it out of one."
    ),
    "code": "stands twice in the lists of codes. A code means one class: take it out of one.",
}


class Frozen(BaseModel):
    """A part of a city: it does not change, and has no field but those named."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dataset(Frozen):
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
    host: str = Field(pattern=r"^https://[A-Za-z0-9.-]+(:\d+)?/?$")
    adapter: Literal["lapd_legacy", "lapd_nibrs", "chicago"]
    occurred_from: date
    occurred_before: date | None = None
    is_live: bool = False
    expected_every_days: int = 16


class Station(Frozen):
    """A weather station, with its id in each service (`icao` None where it has none)."""

    ghcn_id: str = Field(pattern=r"^[A-Z0-9]{11}$")
    icao: str | None = None
    name: str
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    elevation_m: float


class NeighbourhoodLayer(Frozen):
    """Where the names of places come from, which are for people and nothing else.

    Attributes:
        file: GeoJSON of polygons in degrees, by its absolute path or beside the TOML; None where
            the names stand in the city's `cells_file`.
        name_property: the property of each feature that holds its name.
        source: whose names they are and under which terms, to be shown with them.
    """

    file: str | None = None
    name_property: str = "name"
    source: str | None = None


class Publication(Frozen):
    """When reports become public.

    Attributes:
        lag_days: days from the newest published occurrence to the refresh that publishes it.
        refresh_every_days: days between refreshes.
        refresh_anchor: one date on which a refresh happened.
        stale_after_days: age of the last complete day past which no forecast is made.
    """

    lag_days: int = Field(default=0, ge=0)
    refresh_every_days: int = Field(default=1, ge=1)
    refresh_anchor: date = date(2020, 1, 1)
    stale_after_days: int = Field(default=35, ge=7)

    def known_through(self, day: date) -> date:
        """Return the newest day whose reports the last refresh on or before `day` held."""
        since_refresh = (day - self.refresh_anchor).days % self.refresh_every_days
        return day - timedelta(days=since_refresh + self.lag_days)


class Offences(Frozen):
    """Which offences are forecast, and which codes mean them.

    Attributes:
        target: classes that are summed into the forecast.
        citywide_only: classes counted for the whole city and never placed on a map.
        codes: offence class -> codes, each prefixed by its scheme ("lapd:230", "nibrs:13A").
    """

    target: tuple[str, ...] = Field(min_length=1)
    citywide_only: tuple[str, ...] = ()
    codes: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        named = Counter((*self.target, *self.citywide_only))
        coded = Counter(code for codes in self.codes.values() for code in codes)
        for kind, counts in (("class", named), ("code", coded)):
            twice = [name for name, times in counts.items() if times > 1]
            if twice:
                raise ValueError(f"the {kind} {', '.join(twice)} {TWICE[kind]}")
        return self

    def class_of(self) -> dict[str, str]:
        """Return the class of every known code; a code not in it is 'other'."""
        return {code: name for name, codes in self.codes.items() for code in codes}
