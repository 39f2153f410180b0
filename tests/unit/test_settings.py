"""Which home is meant; the base map's settings, and what the page's policy is told."""

from pathlib import Path

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.settings import Settings, get_settings

URL, SOURCE = "https://tiles.example:8443/light/{z}/{x}/{y}{r}.png?key=1", "© The Streets"


@pytest.fixture
def given(monkeypatch):
    def settings(url, source):
        monkeypatch.setenv("HOTSPOTS_BASE_MAP_URL", url)
        monkeypatch.setenv("HOTSPOTS_BASE_MAP_SOURCE", source)
        get_settings.cache_clear()
        return get_settings()

    return settings


def test_there_is_no_base_map_unless_one_is_set():
    settings = get_settings()
    assert (settings.base_map_url, settings.base_map_source) == (None, None)
    assert settings.base_map_origin is None


def test_the_origin_is_scheme_host_and_port(given):
    settings = given(URL, SOURCE)
    assert (settings.base_map_url, settings.base_map_source) == (URL, SOURCE)
    assert settings.base_map_origin == "https://tiles.example:8443"


@pytest.mark.parametrize(
    "url",
    [
        "tiles.example/{z}/{x}/{y}.png",
        "ftp://tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example/{z}/{x}.png",
        "https://{s}.tiles.example/{z}/{x}/{y}.png",
        "https://tiles.example/{style}/{z}/{x}/{y}.png",
        "https://user:secret@tiles.example/{z}/{x}/{y}.png",
        # What would loosen the page's policy.
        "https://*/{z}/{x}/{y}.png",
        "https://tiles.example;script-src https:/{z}/{x}/{y}.png",
        "https://tiles.example *:/{z}/{x}/{y}.png",
    ],
)
def test_an_address_of_no_tiles_is_refused_with_what_is_expected(given, url):
    with pytest.raises(
        InvalidRequest, match=r"`HOTSPOTS_BASE_MAP_URL`: expected http\(s\)://HOST/PATH"
    ):
        given(url, SOURCE)


ADDRESSES = [name for name in Settings.model_fields if name.endswith("_url")]


def test_no_setting_shows_a_secret(monkeypatch):
    assert len(ADDRESSES) == 8
    for name in ADDRESSES:
        monkeypatch.setenv(f"HOTSPOTS_{name.upper()}", "https://me:secret@host/{x}{y}{z}")
    monkeypatch.setenv("HOTSPOTS_SOCRATA_TOKEN", "secret")
    with pytest.raises(InvalidRequest) as told:
        get_settings()
    assert "`HOTSPOTS_LAKE_URL`: found a value that is not shown, expected s3://" in str(told.value)
    for name in ("LAKE_URL", "BASE_MAP_URL"):
        monkeypatch.delenv(f"HOTSPOTS_{name}")
    for shown in (str(told.value), str(told.value.__cause__), repr(get_settings())):
        assert "secret" not in shown


def test_what_may_be_shown_of_a_wrong_setting_is_shown(monkeypatch):
    monkeypatch.setenv("HOTSPOTS_WINDOW_WEEKS", "5")
    with pytest.raises(
        InvalidRequest, match="`HOTSPOTS_WINDOW_WEEKS`: found '5', expected 6 or more"
    ):
        get_settings()


def test_blanks_around_a_setting_are_left_off(monkeypatch):
    monkeypatch.setenv("HOTSPOTS_SOCRATA_TOKEN", " a-token\n")
    monkeypatch.setenv("HOTSPOTS_MLFLOW_URL", " http://mlflow:5000 ")
    settings = get_settings()
    assert settings.socrata_token.get_secret_value() == "a-token"
    assert settings.mlflow_url == "http://mlflow:5000"


def test_streets_without_their_source_are_refused(given):
    with pytest.raises(InvalidRequest, match="set HOTSPOTS_BASE_MAP_SOURCE, such as"):
        given(URL, "")


@pytest.mark.parametrize(
    ("held", "replay", "meant"),
    [
        ([], None, "live"),
        ([], "http://127.0.0.1:1", "demo"),
        (["demo"], None, "demo"),
        (["live"], None, "live"),
        (["demo", "live"], None, "live"),
        (["demo", "live"], "http://127.0.0.1:1", "demo"),
    ],
)
def test_without_a_home_the_demos_is_meant_until_there_is_live_data(
    monkeypatch, tmp_path, held, replay, meant
):
    monkeypatch.chdir(tmp_path)
    for name in held:
        (tmp_path / "var" / name / "lake").mkdir(parents=True)
    assert Settings(replay_url=replay).home == Path("var") / meant
    assert Settings(replay_url=replay, home="elsewhere").home == Path("elsewhere")


def test_roads_without_their_source_are_refused(monkeypatch):
    monkeypatch.setenv("HOTSPOTS_ROADS_FILE", "roads.geojson")
    get_settings.cache_clear()
    with pytest.raises(InvalidRequest, match="set HOTSPOTS_ROADS_SOURCE, such as"):
        get_settings()
