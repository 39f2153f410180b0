"""A small city of 6 x 6 one-degree cells, and tables for it written in few words."""

from datetime import date

import pandas as pd
import pytest

from pipeline.domain.city import City, Offences, Station
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from pipeline.domain.grid_spec import GridSpec
from pipeline.domain.weeks import WEEK

SUNDAY = date(2023, 1, 1)


def _station(ghcn_id, lat, lon):
    return Station(ghcn_id=ghcn_id, name=ghcn_id, lat=lat, lon=lon, elevation_m=0)


@pytest.fixture(scope="session")
def sunday():
    return SUNDAY


@pytest.fixture(scope="session")
def city():
    return City(
        name="smallville",
        title="Smallville",
        time_zone="America/Chicago",
        # On the equator a degree is 111.195 km both ways (the grid's middle is at 3 degrees north).
        grid=GridSpec(south=0, north=6, west=0, east=6, rows=6, cols=6),
        offences=Offences(target=("robbery",), citywide_only=("rape",)),
        warm_day_degc=30,
        stations=(_station("USW00000001", 0.5, 0.5), _station("USW00000002", 0.5, 3.5)),
    )


@pytest.fixture(scope="session")
def make_incidents():
    """Return a function from dicts (what differs from a plain robbery) to INCIDENTS."""

    def make(*rows):
        plain = {
            "dataset": "abcd-1234",
            "era": "legacy",
            "occurred_on": SUNDAY,
            "reported_on": SUNDAY,
            "offence_code": "x:1",
            "offence_class": "robbery",
            "area": 1,
            "lat": 0.5,
            "lon": 0.5,
            "location_status": "located",
        }
        full = [{**plain, "incident_id": f"x:{k}", **row} for k, row in enumerate(rows)]
        for row in full:
            if row["location_status"] != "located":
                row["lat"] = row["lon"] = None
        frame = pd.DataFrame(full, columns=INCIDENTS.schema.names)
        frame[["lat", "lon"]] = frame[["lat", "lon"]].astype(float)
        return INCIDENTS.conform(frame)

    return make


@pytest.fixture(scope="session")
def make_weather():
    """Return a function from (station, day, tmax, tmin, prcp) tuples to WEATHER_DAILY."""

    def make(*rows):
        names = ["station", "observed_on", "tmax_degc", "tmin_degc", "prcp_mm"]
        frame = pd.DataFrame(list(rows), columns=names)
        frame[names[2:]] = frame[names[2:]].astype(float)
        return WEATHER_DAILY.conform(frame.assign(source="ncei"))

    return make


@pytest.fixture(scope="session")
def make_calendar():
    """Return a function from a number of weeks to a calendar without holidays."""

    def make(weeks, first=SUNDAY):
        starts = [first + WEEK * k for k in range(weeks)]
        return pd.DataFrame(
            {"week_start": starts, "holiday_days": 0, "holidays": "", "daylight_hours": 12.0}
        )

    return make
