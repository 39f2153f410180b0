"""A lake in object storage: its writers die, fail, and meet; the storage refuses or is away."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from s3fs import S3FileSystem

from pipeline.domain.errors import InvalidRequest, SourceUnavailable
from pipeline.lake.lake import Lake, Ref
from tests.services import free_port
from tests.unit.lake_samples import OTHER, TABLE, files_of, pull

NOWHERE = Ref("cubes/x/0000", "0000")
USES = {
    "read": lambda lake: lake.read(NOWHERE),
    "list": lambda lake: lake.snapshots("los_angeles", "k7nn-b2ep"),
    "write": pull,
}
every_use = pytest.mark.parametrize("use", USES.values(), ids=USES)


@pytest.fixture
def lake(s3_url):
    return Lake(s3_url)


@pytest.fixture
def afresh(monkeypatch):
    """Give a way to change AWS_* variables that is heeded: a connection keeps those it began with.

    One request is made without a second try.
    """
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(S3FileSystem, "retries", 1)

    def change(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        S3FileSystem.clear_instance_cache()

    yield change
    S3FileSystem.clear_instance_cache()


# Forks one writer for each object it is to die at, in a lake of its own named after the step.
WRITERS = """
import os, signal, sys
from pipeline.lake.lake import Lake
from s3fs import S3FileSystem
from tests.unit.lake_samples import pull

def dying_at(last, real):
    async def step(*args, **named):
        steps.append(1)
        if len(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(*args, **named)
    return step

steps = []
for last in range(1, 4):
    if os.fork() == 0:
        S3FileSystem._pipe_file = dying_at(last, S3FileSystem._pipe_file)
        pull(Lake(f"{sys.argv[1]}/{last}"))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_a_killed_writer_leaves_no_folder_that_counts(s3_url):
    command = [sys.executable, "-c", WRITERS, s3_url]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    # Killed before the table, before the manifest, and not at all.
    assert [int(line) for line in run.stdout.split()] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    for step in (1, 2, 3):
        lake = Lake(f"{s3_url}/{step}")
        assert len(files_of(lake)) == step - 1 if step < 3 else 2
        assert len(lake.snapshots("los_angeles", "k7nn-b2ep")) == (step == 3)
        again = pull(lake)
        assert lake.snapshots("los_angeles", "k7nn-b2ep") == [again]
        assert lake.read_snapshot(again).equals(TABLE)


def before_storing(monkeypatch, lake, happens):
    """Let something happen before a lake stores an object; it is told the object's path."""
    storage = lake._folders._s3
    real = storage.pipe_file

    def pipe_file(path, content, **named):
        happens(path)
        real(path, content, **named)

    monkeypatch.setattr(storage, "pipe_file", pipe_file)


def test_a_failed_writer_leaves_no_folder_that_counts(lake, monkeypatch):
    def fail(path):
        if path.endswith("manifest.json"):
            raise ConnectionResetError("cut off")

    with monkeypatch.context() as patch:
        before_storing(patch, lake, fail)
        with pytest.raises(SourceUnavailable, match="cut off"):
            lake.write("cubes", "x", {"counts": TABLE, "cells": OTHER}, {})
    assert len(files_of(lake)) == 2
    assert lake.refs("cubes", "x") == []
    ref = lake.write("cubes", "x", {"counts": TABLE, "cells": OTHER}, {})
    assert lake.refs("cubes", "x") == [ref]


def test_the_loser_of_a_race_keeps_the_winners_facts(lake, monkeypatch):
    won = []

    def let_another_win(path):
        if path.endswith("manifest.json") and not won:
            won.append(None)
            won[0] = pull(lake, notes=("first",))

    before_storing(monkeypatch, lake, let_another_win)
    loser = pull(lake, notes=("second",))
    assert won == [loser]
    assert loser.notes == ("first",)


def test_a_listing_reads_manifests_and_no_table(lake, monkeypatch):
    kept = pull(lake)
    asked = []
    real = S3FileSystem._cat_file

    async def cat_file(self, path, **named):
        asked.append(path.rpartition("/")[2])
        return await real(self, path, **named)

    monkeypatch.setattr(S3FileSystem, "_cat_file", cat_file)
    assert lake.snapshot_as_of("los_angeles", "k7nn-b2ep", kept.pulled_at) == kept
    assert asked == ["manifest.json"]


@every_use
def test_a_bucket_that_is_not_there_is_told(s3_url, use):
    with pytest.raises(InvalidRequest, match=r"does not exist.*HOTSPOTS_LAKE_URL"):
        use(Lake("s3://no-such-bucket/hotspots"))


@every_use
def test_credentials_that_are_refused_are_told(lake, object_store, use):
    count = f"{object_store['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    requests.post(count, data="0", timeout=10).raise_for_status()  # checks them from now on
    try:
        with pytest.raises(InvalidRequest, match=r"can't be used.*AWS_ACCESS_KEY_ID"):
            use(lake)
    finally:
        requests.post(count, data="inf", timeout=10).raise_for_status()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ACCESS_KEY_ID", "", "Unable to locate credentials"),
        ("AWS_ENDPOINT_URL", "minio:9000", "Invalid endpoint"),
    ],
)
def test_variables_that_lead_nowhere_are_told(s3_url, afresh, variable, value, said):
    afresh(**{variable: value})
    with pytest.raises(InvalidRequest, match=said):
        Lake(s3_url).read(NOWHERE)


@every_use
def test_a_storage_that_is_away_may_be_tried_later(s3_url, afresh, use):
    afresh(AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnavailable, match=r"Could not connect.*a later try may succeed"):
        use(Lake(s3_url))


@contextmanager
def answering(status, promised):
    """Serve one answer to everything, of a status and of fewer bytes than promised."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(b"<Error/>")

        def log_message(self, *_words):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("status", "promised"), [(503, 8), (429, 8), (200, 80)])
def test_a_storage_in_trouble_may_be_tried_later(s3_url, afresh, status, promised):
    with answering(status, promised) as endpoint:
        afresh(AWS_ENDPOINT_URL=endpoint)
        with pytest.raises(SourceUnavailable, match="does not answer properly"):
            Lake(s3_url).read(NOWHERE)
