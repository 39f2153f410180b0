"""The one place that reads the clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

SKEW = timedelta(minutes=5)  # between the clocks of two machines, and no more


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def going_on(now: datetime) -> Callable[[], datetime]:
    """Return what tells the present instant from now on, however the clock is set meanwhile.

    Another process of the machine may be handed it.
    """
    return partial(_later, now, time.monotonic())


def _later(now: datetime, began: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - began)
