"""Which days a replay has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import requests

from pipeline.settings import Settings
from pipeline.sources.sessions import make_session

DAYS_PATH = "/_replay/days"
ANSWERS_IN_S = 5


@dataclass(frozen=True)
class ReplayedDays:
    """The day of a replay's first report, and the day that it shows as the present one."""

    first: date
    last: date


def replayed_days(settings: Settings, datasets: Sequence[str]) -> ReplayedDays | None:
    """Return the days that the replay has of these datasets.

    None without a replay, and where it holds no rows of theirs or gives no answer.
    """
    if settings.replay_url is None:
        return None
    address = settings.replay_url.rstrip("/") + DAYS_PATH
    asked = {"datasets": ",".join(datasets)}
    try:
        with make_session(settings) as session:
            answer = session.get(address, params=asked, timeout=ANSWERS_IN_S)
            answer.raise_for_status()
            return ReplayedDays(**{k: date.fromisoformat(v) for k, v in answer.json().items()})
    except (requests.RequestException, TypeError, ValueError):
        return None
