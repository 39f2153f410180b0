"""What is stored is a floor for the clock: nothing is filed before it."""

from datetime import datetime

from pipeline.clock import SKEW
from pipeline.domain.errors import ClockSetBack, StoreOutdated, WeekNotReady
from pipeline.lake.lake import Lake
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings


def require_clock(settings: Settings, city_name: str, now: datetime) -> None:
    """Refuse a moment before the newest pull or publication of a city.

    Under such a clock a pull would be seen by a week before it, and a week that has begun could be
    forecast anew. Machines may differ by SKEW.

    Raises:
        ClockSetBack: the moment lies earlier by more.
    """
    newest = {
        "pull": Lake(settings.lake_root).newest_pull(city_name),
        "forecast": _newest_publication(settings, city_name),
    }
    for what, stored_at in newest.items():
        if stored_at is not None and now < stored_at - SKEW:
            raise ClockSetBack(
                f"The clock says {now:%Y-%m-%d %H:%M} UTC, and the newest {what} of {city_name} "
                f"was stored at {stored_at:%Y-%m-%d %H:%M} UTC; expected no earlier than "
                f"{SKEW.seconds // 60} minutes before that. Nothing was stored. Set the clock "
                "right and run this again. If the clock was ahead when that was stored, restore "
                "the backup of before it."
            )


def _newest_publication(settings: Settings, city_name: str) -> datetime | None:
    try:
        return ResultsReader(settings.results_database).newest_publication(city_name)
    except (WeekNotReady, StoreOutdated):
        return None  # there is no store yet, or `publish` is going to migrate it
