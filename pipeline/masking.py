"""Keeps secrets out of all that is written: logs, terminal, notes, alerts, the store.

The secrets are those of this process's environment, so that whatever a library puts into the text
of its error is found.
"""

import logging
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"
# Variables that hold nothing but a secret; of any other, the password of an address in it is one.
WHOLE = (
    "HOTSPOTS_SOCRATA_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
# Up to the last @ of the host's part: who writes a password into an address seldom encodes it.
PASSWORD = re.compile(r"(?<=://)(?P<user>[^\s:/?#@]*):(?P<password>[^\s/?#]+)@")
SHORTEST = 5  # as in Airflow's own masking: shorter ones would be found in any text


def secret_values() -> list[str]:
    """Return the secrets of this process's environment, the longest first."""
    return sorted({found for found in _values() if len(found) >= SHORTEST}, key=len, reverse=True)


def _values() -> Iterator[str]:
    for name in WHOLE:
        yield os.environ.get(name, "").strip()
    for name, value in os.environ.items():
        # An address whose scheme was forgotten holds its password all the same.
        forgotten = name.endswith(("_URL", "_PROXY")) and "://" not in value
        for address in PASSWORD.finditer(f"://{value}" if forgotten else value):
            yield address["password"]
            yield unquote(address["password"])


def hidden(text: str) -> str:
    """Return a text with a mask in place of every secret, and of every address's password."""
    for secret in secret_values():
        text = text.replace(secret, MASK)
    return PASSWORD.sub(rf"\g<user>:{MASK}@", text)


class HidingFormatter(logging.Formatter):
    """Formats a record, its traceback too, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return hidden(super().format(record))
