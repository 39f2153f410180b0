"""The registry: versions, aliases, hashes, and no model that knows too much."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Barrier, Thread

import pytest

from pipeline.domain.errors import InvalidRequest, ModelRejected, SourceUnavailable
from pipeline.model import channels
from pipeline.model import registry as registry_module
from pipeline.model.registry import Registry
from pipeline.model.registry_faults import registry_faults
from pipeline.model.saved import CARD, save
from pipeline.model.spread import Spread
from pipeline.settings import Settings
from tests.unit.model.made_up_city import SOME_OPINIONS, small_config, week

# MLflow's own mappers use an option that SQLAlchemy 2.1 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"))


def a_model(folder, edge, seed=0):
    return save(
        folder,
        [],
        SOME_OPINIONS,
        city="town",
        trained_through=week(edge),
        config=small_config(seed=seed),
        spread=Spread((0.01,) * 5, {"north": (0.02,) * 5}, (0.1,) * 5),
        metrics={"crime_loss": 1.0},
    )


def test_a_damaged_registry_is_named_with_the_remedy(tmp_path):
    settings = Settings(home=tmp_path)
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0 and then nothing that makes sense")
    with pytest.raises(ModelRejected, match=r"mlflow.db can't be opened .* move it away"):
        Registry(settings, "town").champion()


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (None, SourceUnavailable, r"registry at http://127.0.0.1:\d+ does not answer"),
        (401, InvalidRequest, r"registry at http://127.0.0.1:\d+ refuses the login"),
        (403, InvalidRequest, r"registry at http://127.0.0.1:\d+ refuses the login"),
    ],
)
def test_a_server_that_gives_no_models_is_named(tmp_path, monkeypatch, status, error, says):
    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(status)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name in ("USERNAME", "PASSWORD"):  # the login is put there, and gone after the test
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")
    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://me:secret@127.0.0.1:{server.server_port if status else 9}"
        settings = Settings(home=tmp_path, mlflow_url=url)
        with pytest.raises(error, match=says) as told:
            Registry(settings, "town").champion()
        with pytest.raises(error, match=says) as verified:
            list(registry_faults(settings))
        server.shutdown()
    assert "secret" not in f"{told.value}{verified.value}"


def test_many_that_fetch_a_model_at_once_all_get_it(settings, tmp_path, monkeypatch):
    model = a_model(tmp_path / "made", 10, seed=7)
    version = Registry(settings, "busytown").register(model)
    shutil.rmtree(settings.home / "models", ignore_errors=True)
    all_unpacked, unpack = Barrier(4), registry_module._extract

    def unpack_together(path, folder):
        unpack(path, folder)
        all_unpacked.wait(60)

    monkeypatch.setattr(registry_module, "_extract", unpack_together)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(Registry(settings, "busytown").fetch, version) for _ in range(4)]
        found = [each.result() for each in waiting]
    assert {each.sha256 for each in found} == {model.sha256}
    assert [path.name for path in (settings.home / "models").iterdir()] == [model.sha256]


def test_a_model_that_knows_less_does_not_take_the_place_of_the_champion(settings, tmp_path):
    """Two are trained at once, and the one of the later week is done first."""
    registry = Registry(settings, "oldtown")
    late = registry.register(a_model(tmp_path / "late", 20), alias="champion")
    early = registry.register(a_model(tmp_path / "early", 10), alias="champion")
    called = {version.version: version.called for version in registry.listed()}
    assert called == {late: ("champion",), early: ("challenger",)}


def test_a_home_that_was_moved_reads_and_writes_its_models_where_it_is_now(tmp_path):
    old, new = tmp_path / "old", tmp_path / "elsewhere" / "new"
    first, second = a_model(tmp_path / "m1", 10), a_model(tmp_path / "m2", 20)
    Registry(Settings(home=old), "town").register(first, alias="champion")
    new.parent.mkdir()
    old.rename(new)
    moved = Registry(Settings(home=new), "town")
    assert moved.champion().sha256 == first.sha256
    moved.register(second, alias="champion")
    shutil.rmtree(new / "models")  # what was unpacked: the archives are read
    assert moved.champion().sha256 == second.sha256
    moved.rollback()
    assert moved.champion().sha256 == first.sha256
    assert not old.exists()


def test_versions_aliases_and_the_newest_allowed(settings, tmp_path):
    registry = Registry(settings, "town")
    assert registry.champion() is None
    assert registry.challenger() is None
    early, middle, late = (a_model(tmp_path / str(k), k) for k in (10, 20, 30))
    first = registry.register(early, alias="champion", tags={"why": "first"})
    second = registry.register(middle)
    assert registry.champion().sha256 == early.sha256
    assert registry.challenger().sha256 == middle.sha256
    assert registry.version_of(middle.sha256) == second
    registry.promote(second)
    assert registry.champion().sha256 == middle.sha256
    assert registry.challenger() is None
    assert registry.register(early, alias="challenger") == first  # stored once

    registry.promote(registry.register(late))
    champion = registry.champion()
    assert champion.sha256 == late.sha256
    assert champion.folder.is_relative_to(settings.home / "models")
    assert registry.champion(week(30)).sha256 == late.sha256
    assert registry.champion(week(29)).sha256 == middle.sha256
    assert registry.champion(week(9)) is None
    assert Registry(settings, "village").champion() is None


def test_an_unknown_version_is_not_promoted(settings):
    with pytest.raises(InvalidRequest, match="has no version 99"):
        Registry(settings, "town").promote("99")
    with pytest.raises(InvalidRequest, match="holds no model abc"):
        Registry(settings, "town").version_of("abc")


def test_a_rollback_goes_back_to_the_champion_before(tmp_path):
    registry = Registry(Settings(home=tmp_path / "home"), "hamlet")
    assert registry.listed() == []
    with pytest.raises(InvalidRequest, match="had no champion before this one"):
        registry.rollback()
    first = registry.register(a_model(tmp_path / "1", 10), alias="champion")
    second = registry.register(a_model(tmp_path / "2", 20), alias="champion")
    assert [(m.version, m.called) for m in registry.listed()] == [
        (second, ("champion",)), (first, ("previous",)),
    ]  # fmt: skip
    assert registry.rollback() == first
    assert registry.champion().trained_through == week(10)
    assert registry.rollback() == second
    assert registry.fetch(first).trained_through == week(10)


def test_changed_files_are_refused_on_the_way_in_and_out(settings, tmp_path):
    registry = Registry(settings, "town")
    model = a_model(tmp_path / "m", 40)
    (model.folder / CARD).write_text("{}")
    with pytest.raises(ModelRejected, match="no longer match"):
        registry.register(model)

    registry.register(a_model(tmp_path / "n", 41), alias="champion")
    kept = registry.champion().folder / CARD
    kept.write_text(kept.read_text() + " ")
    with pytest.raises(ModelRejected, match="expected"):
        registry.champion()


def test_first_uses_at_the_same_time_agree_and_store_a_model_once(tmp_path):
    model = a_model(tmp_path / "m", 10)
    fresh = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(4) as pool:
        registries = list(pool.map(lambda _: Registry(fresh, "town"), range(4)))
        assert list(pool.map(Registry.champion, registries)) == [None] * 4
        versions = set(pool.map(lambda r: r.register(model, alias="champion"), registries))
    assert versions == {"1"}


def test_a_damaged_archive_is_refused(settings, tmp_path):
    registry = Registry(settings, "town")
    model = a_model(tmp_path / "m", 42, seed=3)
    registry.register(model, alias="champion")
    for archive in (settings.home / "mlruns").rglob("model.zip"):
        archive.write_bytes(b"not a zip")
    with pytest.raises(ModelRejected, match=r"model.zip is missing or damaged"):
        registry.champion()
    assert replace(model, metrics={}) != model


def test_a_model_of_other_features_counts_for_nothing(tmp_path, monkeypatch):
    """A changed half-life must not load the weights that were learned with another."""
    registry = Registry(Settings(home=tmp_path / "home"), "hamlet")
    registry.register(a_model(tmp_path / "old", 10), alias="champion")
    assert registry.champion() is not None
    first, *others = channels.CHANNELS
    monkeypatch.setattr(channels, "CHANNELS", (first._replace(half_life=100.0), *others))
    assert registry.champion() is None
    assert registry.listed() == []
    monkeypatch.undo()
    assert registry.champion() is not None


def test_a_model_of_an_earlier_format_is_as_good_as_none(tmp_path, monkeypatch):
    old = Registry(Settings(home=tmp_path / "home"), "village")
    monkeypatch.setattr("pipeline.model.registry.FORMAT", 1)
    number = old.register(a_model(tmp_path / "old", 10), alias="champion")
    assert old.champion() is not None
    monkeypatch.undo()
    now = Registry(Settings(home=tmp_path / "home"), "village")
    assert now.champion() is None
    assert now.champion(known_before=week(30)) is None
    with pytest.raises(InvalidRequest, match=f"no version {number}"):
        now.promote(number)
    now.register(a_model(tmp_path / "new", 20), alias="champion")
    assert now.champion().trained_through == week(20)
