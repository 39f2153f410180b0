"""What the page asks of a city under these settings, and what it will ask for soon."""

from datetime import date

from hotspots_ui.ahead import Asked

from pipeline.results.page import divisions as areas
from pipeline.results.page import roads as road_lines
from pipeline.results.page import schemas as answers
from pipeline.results.page import track_record, views
from pipeline.results.page.week_health import week_health
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import get_settings


def forecast_of(store: ResultsReader, city: str, week: date) -> answers.WeekForecast:
    """Return a week's forecast."""
    return views.week_forecast(store, get_settings().city(city), week)


def health_of(store: ResultsReader, city: str, week: date) -> answers.WeekHealth:
    """Return what a week was made from, and where its full checks are served."""
    return week_health(store, city, week, get_settings())


def geometry_of(_store: ResultsReader, city: str) -> answers.Geometry:
    """Return grid and outlines, and which streets and roads there are."""
    return views.geometry(get_settings().city(city), get_settings())


def roads_of(_store: ResultsReader, city: str) -> answers.Roads:
    """Return the roads of the installation's file."""
    return road_lines.roads(get_settings().city(city), get_settings())


def soon_asked(store: ResultsReader, city: str) -> list[Asked]:
    """Return what the page asks for, the newest week first; only what is known has an outcome."""
    known = set(store.observed_weeks(city)["week_start"])
    asked: list[Asked] = [
        (views.weeks,),
        (geometry_of,),
        (track_record.scores,),
        (areas.area_hits,),
    ]
    for run in store.weeks(city):
        week = run.record.weeks.target_week
        asked += [(forecast_of, week), (health_of, week)]
        asked += [(views.week_outcome, week)] if week in known else []
    return asked
