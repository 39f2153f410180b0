"""A session whose answers end at a deadline, and whose redirects stay on their host."""

import io
import socket
import time
from collections.abc import Callable
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pipeline.settings import Settings


class Deadline:
    """The moment after which no byte is waited for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without one."""
        self._clock = clock
        self.end = float("inf")

    @property
    def left_s(self) -> float:
        """Seconds that are left, negative once it has passed."""
        return self.end - self._clock()


def make_session(settings: Settings, deadline: Deadline | None = None) -> requests.Session:
    """Return a session that names us and our contact, and reads until a deadline.

    It has no retries of its own: HttpClient's loop also covers cut bodies and a total deadline.
    """
    session = BoundedSession(deadline or Deadline())
    session.headers["User-Agent"] = f"la-hotspots/{version('la-hotspots')} ({settings.contact})"
    session.headers["Accept"] = "application/json"
    # A proxy from the environment must not stand between us and a loopback replay.
    session.trust_env = settings.replay_url is None
    return session


class BoundedSession(requests.Session):
    """Reads from sockets until the deadline, be it headers or a body, however little comes.

    The timeout of requests holds for each read alone, so that a server may drip for ever.
    """

    def __init__(self, deadline: Deadline) -> None:
        """Bind every connection to a deadline, which may be moved between requests."""
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _BoundedAdapter(deadline))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a redirect leads, if that is on the same host; it may carry a token."""
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        try:
            is_same = urlsplit(urljoin(resp.url, target))[:2] == urlsplit(resp.url)[:2]
        except ValueError:  # no address at all
            return None
        return target if is_same else None


class _BoundedAdapter(HTTPAdapter):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *sizes: int, **others: object) -> None:
        super().init_poolmanager(*sizes, **others)  # type: ignore[arg-type]
        self.poolmanager.pool_classes_by_scheme = _pools(self._deadline)


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = _BoundedSocket(self.sock, deadline)

    class SafeConnection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock = _BoundedSocket(self.sock, deadline)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SafePool(HTTPSConnectionPool):
        ConnectionCls = SafeConnection

    return {"http": Pool, "https": SafePool}


class _BoundedSocket:
    """A socket whose reads wait no longer than the deadline; all else is the socket's own."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReads(self._sock, self._deadline))


class _BoundedReads(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._reads = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left_s = self._deadline.left_s
        if left_s <= 0:
            raise TimeoutError("the deadline has passed")
        longest_s = self._sock.gettimeout()
        self._sock.settimeout(left_s if longest_s is None else min(longest_s, left_s))
        return self._reads.readinto(buffer)

    def close(self) -> None:
        self._reads.close()
        super().close()
