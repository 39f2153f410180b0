"""Whether a city can be forecast every week, asked before anything is pulled."""

from datetime import date

from pipeline.domain.city import City
from pipeline.domain.city_parts import Dataset
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.weeks import parse_date
from pipeline.grid.neighbourhoods import neighbourhoods
from pipeline.settings import Settings
from pipeline.sources.adapters import ADAPTERS
from pipeline.sources.calendar import weekly_calendar

A_SUNDAY = date(2026, 1, 4)


def require_weekly(settings: Settings, city: City) -> None:
    """Return if nothing in a city's file stands against forecasting it every week.

    Raises:
        InvalidRequest: it has no dataset to pull, a target class that no code of its datasets
            means, a country without known holidays, or neighbourhoods that can't be read.
    """
    if not city.datasets:
        raise InvalidRequest(
            f"{city.title} has no [[datasets]] to pull reports from, so no week of it can be "
            "forecast. Write one into its file, or try it on a file of events: hotspots backtest "
            "--events FILE."
        )
    if not wanted_datasets(city, settings):
        raise InvalidRequest(
            f"HOTSPOTS_HISTORY_START {settings.history_start} lies after all datasets of "
            f"{city.title}. Give an earlier day."
        )
    _require_codes(city)
    weekly_calendar(city, [A_SUNDAY])
    neighbourhoods(city)


def wanted_datasets(city: City, settings: Settings) -> list[Dataset]:
    """Return the datasets, cut to the history that is asked for."""
    if settings.history_start is None:
        return list(city.datasets)
    start = parse_date(settings.history_start)
    return [
        dataset.model_copy(update={"occurred_from": max(dataset.occurred_from, start)})
        for dataset in city.datasets
        if dataset.occurred_before is None or dataset.occurred_before > start
    ]


def _require_codes(city: City) -> None:
    schemes = sorted({ADAPTERS[dataset.adapter].scheme for dataset in city.datasets})
    for name in city.offences.target:
        codes = city.offences.codes.get(name, ())
        if not any(code.partition(":")[0] in schemes for code in codes):
            raise InvalidRequest(
                f"{city.title}: no code of its datasets means {name!r}, which is to be forecast. "
                f"Found {', '.join(codes) or 'none'}, expected codes that begin with "
                f"{' or '.join(f'{scheme}:' for scheme in schemes)}. Write them into "
                "[offences.codes]."
            )
