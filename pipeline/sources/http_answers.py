"""Parts of an HTTP answer, read with care: body, words, Retry-After."""

from collections.abc import Iterator

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

CHUNK_BYTES = 1 << 20


def parts(response: requests.Response) -> Iterator[bytes]:
    """Yield a body unpacked, each part as it comes, however little that is."""
    while part := response.raw.read1(CHUNK_BYTES, decode_content=True):
        yield part


def one_line(text: str) -> str:
    """Return a server's words, short, on one line, without what commands a terminal or a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that a server asks to wait; None where it asks for none."""
    try:
        return Retry().get_retry_after(response.raw)
    except InvalidHeader:
        return None
