import gzip
import json
import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress
from email.utils import formatdate

import pytest
import requests
from pydantic import SecretStr

from pipeline.domain.errors import (
    DatasetMoved,
    InvalidRequest,
    SchemaDrift,
    SourceUnavailable,
)
from pipeline.settings import Settings
from pipeline.sources.http import TRIES, HttpClient
from pipeline.sources.sessions import make_session
from tests.unit.sources.conftest import TOKEN, Reply

URL = "https://data.lacity.org/resource/k7nn-b2ep.json"
PATH = "/data.lacity.org/resource/k7nn-b2ep.json"
WEATHER_URL = "https://api.weather.gov/stations/KLAX/observations"
WEATHER_PATH = "/api.weather.gov/stations/KLAX/observations"
OK = Reply([{"n": "3"}])

RECOVERABLE = {
    "still working": (Reply([], status=202), "202"),
    "throttled": (Reply(status=429, headers={"Retry-After": "2"}), "429, waited 2 s"),
    "error 500": (Reply(status=500), "500"),
    "bad gateway": (Reply(status=502), "502"),
    "unavailable": (Reply(status=503), "503"),
    "gateway timeout": (Reply(status=504), "504"),
    "cut body": (Reply([{"n": "3"}], is_cut=True), "body cut short"),
    "not JSON": (Reply(raw=b"<html>busy</html>"), "body cut short or not JSON"),
    "half the JSON": (Reply(raw=b'[{"n": '), "body cut short or not JSON"),
}


@pytest.mark.parametrize(("fault", "noted"), RECOVERABLE.values(), ids=RECOVERABLE)
def test_recovers_from_a_passing_fault_and_says_how(http, loopback, fake_time, fault, noted):
    loopback.script(PATH, fault, OK)
    assert http.get_json(URL) == [{"n": "3"}]
    assert len(http.notes) == 1
    assert http.notes[0].startswith(f"data.lacity.org: {noted}")
    assert http.notes[0].endswith(", ok at try 2")
    assert len(fake_time.slept) == 1


@pytest.mark.parametrize(("fault", "noted"), RECOVERABLE.values(), ids=RECOVERABLE)
def test_gives_up_on_a_lasting_fault(http, loopback, fault, noted):
    loopback.script(PATH, fault)
    with pytest.raises(SourceUnavailable, match=r"data\.lacity\.org/resource/k7nn-b2ep\.json"):
        http.get_json(URL)
    assert len(loopback.seen) == TRIES
    assert http.notes[0].endswith(f"gave up at try {TRIES}")
    assert http.notes[0].count(noted.split(",")[0]) == TRIES


def test_says_nothing_of_a_request_that_went_well(http, loopback):
    loopback.script(PATH, OK)
    http.get_json(URL)
    assert http.notes == []


def test_notes_every_try_of_one_request(http, loopback):
    throttled = Reply(status=429, headers={"Retry-After": "3"})
    loopback.script(PATH, throttled, throttled, OK)
    http.get_json(URL)
    assert http.notes == [
        "data.lacity.org: 429, waited 3 s; 429, waited 3 s, ok at try 3",
    ]


@pytest.mark.parametrize(
    ("retry_after", "lowest", "highest"),
    [
        ("7", 7, 7),
        ("99999", 120, 120),  # capped
        (formatdate(0, usegmt=True), 0, 0),  # a date long past
        ("soon", 0.5, 1.5),  # unreadable: the first pause, 1 s with half of it as jitter
    ],
)
def test_waits_as_long_as_the_server_asks(http, loopback, fake_time, retry_after, lowest, highest):
    loopback.script(PATH, Reply(status=429, headers={"Retry-After": retry_after}), OK)
    http.get_json(URL)
    assert lowest <= fake_time.slept[0] <= highest


def test_pauses_grow_and_are_jittered(http, loopback, fake_time):
    loopback.script(PATH, Reply(status=500))
    with pytest.raises(SourceUnavailable):
        http.get_json(URL)
    # 2 ** k seconds times 0.5 to 1.5, and no pause after the last try
    assert len(fake_time.slept) == TRIES - 1
    for k, pause in enumerate(fake_time.slept):
        assert 0.5 * 2**k <= pause <= 1.5 * 2**k
    assert len({pause / 2**k for k, pause in enumerate(fake_time.slept)}) == TRIES - 1


def test_a_slow_answer_is_asked_for_again(loopback, fake_time):
    settings = Settings(_env_file=None, replay_url=loopback.url, read_timeout_s=0.1)
    http = HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)
    loopback.script(PATH, Reply([], delay_s=1.0), OK)
    assert http.get_json(URL) == [{"n": "3"}]
    assert "no answer in 0 s" in http.notes[0]


def test_a_refused_connection_is_unavailable(loopback, fake_time):
    settings = Settings(_env_file=None, replay_url="http://127.0.0.1:9")
    http = HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)
    with pytest.raises(SourceUnavailable, match="connection failed"):
        http.get_json(URL)


def test_does_not_wait_past_the_deadline(loopback, fake_time):
    settings = Settings(_env_file=None, replay_url=loopback.url, deadline_s=50)
    http = HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)
    loopback.script(PATH, Reply(status=503, headers={"Retry-After": "30"}))
    with pytest.raises(SourceUnavailable, match="2 tries within 50 s; the last: 503"):
        http.get_json(URL)
    assert fake_time.slept == [30]  # a second wait would end at 60 s


def test_an_answer_still_coming_at_the_deadline_is_given_up(loopback):
    ticks = iter(range(100))
    settings = Settings(_env_file=None, replay_url=loopback.url, deadline_s=1.5)
    http = HttpClient(settings, sleep=lambda _: None, clock=lambda: next(ticks))
    loopback.script(PATH, OK)
    with pytest.raises(SourceUnavailable, match="still coming at the deadline"):
        http.get_json(URL)


@contextmanager
def raw_server(send):
    """A server that reads a request and then does what it likes with the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65_536)
                send(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def dripped(status):
    """Send a body of a byte every 50 ms, for ever."""

    def send(connection):
        connection.sendall(f"HTTP/1.1 {status} OK\r\nContent-Length: 100000\r\n\r\n".encode())
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)

    return send


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_body_that_drips_is_given_up_at_the_deadline(status):
    with raw_server(dripped(status)) as url:
        http = HttpClient(Settings(_env_file=None, replay_url=url, deadline_s=1))
        begun = time.monotonic()
        with pytest.raises((SourceUnavailable, DatasetMoved)):
            http.get_json(URL)
        assert time.monotonic() - begun < 10  # a whole body would take 5,000 s


def dripped_head(connection):
    """Begin an answer, and send a header that never ends, a byte every 50 ms."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def stalled(connection):
    """Send half a body, and then nothing."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
    time.sleep(30)


@pytest.mark.parametrize("send", [dripped_head, stalled])
def test_no_byte_is_waited_for_past_the_deadline(send):
    with raw_server(send) as url:
        settings = Settings(_env_file=None, replay_url=url, deadline_s=1, read_timeout_s=20)
        begun = time.monotonic()
        with pytest.raises(SourceUnavailable, match="still coming at the deadline"):
            HttpClient(settings).get_json(URL)
        assert time.monotonic() - begun < 5  # the read alone may take 20 s


def redirect_to(location):
    return Reply(status=302, headers={"Location": location})


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/x", "https://evil.example/x", "http://["])
def test_a_redirect_off_the_host_is_not_followed(http, loopback, location):
    loopback.script("/api.weather.gov/points", redirect_to(location))
    with pytest.raises(SourceUnavailable, match="answers 302"):
        http.get_json("https://api.weather.gov/points")
    assert len(loopback.seen) == 1


def test_a_redirect_on_the_host_is_followed(http, loopback):
    loopback.script("/api.weather.gov/points", redirect_to("/api.weather.gov/points/2"))
    loopback.script("/api.weather.gov/points/2", OK)
    assert http.get_json("https://api.weather.gov/points") == [{"n": "3"}]


def test_redirects_in_a_circle_end_by_name(http, loopback):
    loopback.script("/api.weather.gov/points", *[redirect_to("/api.weather.gov/points")] * 400)
    with pytest.raises(SourceUnavailable, match="TooManyRedirects"):
        http.get_json("https://api.weather.gov/points")


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_body_without_end_is_refused_by_name(monkeypatch, is_packed):
    def send(connection):
        head = "Content-Encoding: gzip\r\n" if is_packed else ""
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
        if is_packed:
            connection.sendall(gzip.compress(bytes(64 << 20)))  # 64 kB, of 64 MB
        while not is_packed:
            connection.sendall(b" " * 65_536)

    monkeypatch.setattr("pipeline.sources.http.MOST_BYTES", 8 << 20)
    with raw_server(send) as url:
        http = HttpClient(Settings(_env_file=None, replay_url=url))
        with pytest.raises(SchemaDrift, match="more than 8 MB in one answer"):
            http.get_json(URL)


def test_a_host_that_failed_every_try_is_asked_once_from_then_on(http, loopback):
    loopback.script(PATH, Reply(status=500))
    loopback.script(WEATHER_PATH, Reply(status=500), OK)
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            http.get_json(URL)
    assert len(loopback.seen) == TRIES + 1
    assert http.get_json(WEATHER_URL) == [{"n": "3"}]  # another host keeps all its tries


def test_an_answer_its_client_refuses_is_asked_for_again(http, loopback):
    loopback.script(PATH, Reply([]), OK)
    answer = http.get_json(URL, problem_in=lambda rows: None if rows else "no rows yet")
    assert answer == [{"n": "3"}]
    assert "no rows yet" in http.notes[0]


@pytest.mark.parametrize("status", [301, 403, 404])
def test_a_moved_dataset_fails_at_once(http, loopback, fake_time, status):
    moved = Reply({"message": "You must be logged in"}, status, {"Location": "/elsewhere"})
    loopback.script(PATH, moved)
    with pytest.raises(DatasetMoved, match=rf"k7nn-b2ep.*{status}.*You must be logged in"):
        http.get_json(URL)
    assert len(loopback.seen) == 1
    assert fake_time.slept == []


@pytest.mark.parametrize(
    ("url", "status", "error", "words"),
    [
        (URL, 400, SchemaDrift, "No such column: lat"),
        (URL, 401, SourceUnavailable, "401"),
        (WEATHER_URL, 400, SchemaDrift, "No such column: lat"),
        (WEATHER_URL, 403, SourceUnavailable, "User-Agent.*HOTSPOTS_CONTACT"),
        (WEATHER_URL, 404, SourceUnavailable, "stations/KLAX"),
        ("https://data.rcc-acis.org/StnData", 403, SourceUnavailable, "expected to answer 200"),
    ],
)
def test_a_refusal_is_final_and_named(http, loopback, url, status, error, words):
    path = "/" + url.partition("://")[2]
    loopback.script(path, Reply({"message": "No such column: lat"}, status))
    with pytest.raises(error, match=words):
        http.get_json(url)
    assert len(loopback.seen) == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"errorMessage": "bad dates"}', "says: bad dates."),
        (b"plain\n  words", "says: plain words."),
        (b"[1]", r"says: \[1\]\."),
        (b"", "says: nothing."),
    ],
)
def test_the_servers_own_words_are_in_the_error(http, loopback, raw, said):
    loopback.script(PATH, Reply(raw=raw, status=400))
    with pytest.raises(SchemaDrift, match=said):
        http.get_json(URL)


def test_posts_json(http, loopback):
    loopback.script("/data.rcc-acis.org/StnData", Reply({"data": []}))
    assert http.post_json("https://data.rcc-acis.org/StnData", {"sid": "x 6"}) == {"data": []}
    assert loopback.seen[0].method == "POST"
    assert loopback.seen[0].body == {"sid": "x 6"}


def test_names_itself_and_its_contact(http, loopback):
    loopback.script(PATH, OK)
    http.get_json(URL, {"$select": "count(*) as n"}, {"X-Extra": "1"})
    seen = loopback.seen[0]
    assert seen.headers["User-Agent"].startswith("la-hotspots/")
    assert seen.headers["User-Agent"].endswith(" (ops@example.org)")
    assert seen.headers["X-Extra"] == "1"
    assert seen.query == {"$select": "count(*) as n"}


def test_without_replay_asks_the_address_itself_and_is_live(loopback, fake_time):
    http = HttpClient(Settings(_env_file=None), sleep=fake_time.sleep, clock=fake_time.clock)
    loopback.script("/resource/x.json", Reply([], headers={"X-Hotspots-Provenance": "recorded"}))
    assert http.get_json(f"{loopback.url}/resource/x.json") == []
    assert http.provenance == "live"


@pytest.mark.parametrize(
    ("headers", "provenance"),
    [
        ({"X-Hotspots-Provenance": "recorded"}, "recorded"),
        ({"X-Hotspots-Provenance": "simulated"}, "simulated"),
        ({"X-Hotspots-Provenance": "live"}, "simulated"),  # a replay can't vouch for that
        ({}, "simulated"),
    ],
)
def test_a_replay_says_what_its_data_are(http, loopback, headers, provenance):
    assert http.provenance == "simulated"
    loopback.script(PATH, Reply([], headers=headers))
    http.get_json(URL)
    assert http.provenance == provenance


def test_a_proxy_does_not_stand_before_a_replay(settings, loopback, fake_time, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    loopback.script(PATH, OK)
    http = HttpClient(settings, sleep=fake_time.sleep, clock=fake_time.clock)
    assert http.get_json(URL) == [{"n": "3"}]
    assert make_session(Settings(_env_file=None)).trust_env is True


def test_a_replay_address_without_scheme_is_rejected():
    with pytest.raises(InvalidRequest, match="localhost:8765"):
        HttpClient(Settings(_env_file=None, replay_url="localhost:8765"))


@pytest.mark.parametrize("blank", ["", " "])
def test_the_token_shows_nowhere(settings, fake_time, loopback, caplog, blank):
    own = settings.model_copy(update={"socrata_token": SecretStr(f"{blank}{TOKEN}")})
    http = HttpClient(own, sleep=fake_time.sleep, clock=fake_time.clock)
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"message": f"bad token {TOKEN}"}).encode()
    loopback.script(PATH, Reply(status=503), Reply(raw=echo, status=403))
    with pytest.raises(DatasetMoved) as caught:
        http.get_json(URL, {"$select": "a"}, {"X-App-Token": TOKEN})
    assert loopback.seen[0].headers["X-App-Token"] == TOKEN
    assert "[token]" in str(caught.value)
    shown = [str(caught.value), repr(caught.value), repr(http), repr(vars(http)), caplog.text]
    assert not any(TOKEN in text for text in [*shown, *http.notes])
    assert TOKEN not in repr(loopback.seen[0].query)


def test_a_session_without_contact_still_names_the_project():
    session = make_session(Settings(_env_file=None))
    assert isinstance(session, requests.Session)
    assert "la-hotspots/" in session.headers["User-Agent"]
