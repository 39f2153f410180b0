"""Waiting for what is going on elsewhere."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(is_so: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the first truthy answer, asked twice a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := is_so():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")
