"""The page, its answers and its files as a site of static files."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

import numpy as np
import pytest

from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.results.page import views
from pipeline.results.products.exports import week_files
from pipeline.results.products.week_report import report_page
from pipeline.results.site.feed import feed
from pipeline.results.site.site_names import site_name
from pipeline.results.site.static_site import write_site
from pipeline.results.store.reader import ResultsReader
from pipeline.settings import Settings
from tests.unit.results.samples import TARGET, publish

CITY = "smallville"
WEEK = f"v1/{CITY}/weeks/{TARGET}"
CARD = f"v1/{CITY}/models/3/card.html"
ATOM = "{http://www.w3.org/2005/Atom}"
INDEX = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n</head></html>\n'


@pytest.fixture
def reader(store, cells, tmp_path):
    publish(store, cells)
    store.save_card(CITY, "3", "m" * 64, "# What it is good for")
    counts = np.zeros((3, 4))
    counts[2, 0] = 3
    store.save_observed(CITY, [TARGET], [counts], TARGET + timedelta(days=21))
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


@pytest.fixture
def page_dir(tmp_path):
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "index-1.js").write_text("let a;")
    return folder


@pytest.fixture
def write(reader, page_dir, city, tmp_path, monkeypatch):
    """Write the site and return its folder."""
    monkeypatch.setattr(Settings, "city", lambda *_: city)

    def written(public, folder=tmp_path / "public" / "site", **settings):
        settings = Settings(**{"public": public, "page_dir": page_dir, **settings})
        write_site(reader, settings, folder, lambda *_: None)
        return folder

    return written


def files_of(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    ("path", "city", "name"),
    [
        ("weeks", None, "v1/weeks.json"),
        ("weeks", CITY, f"v1/{CITY}/weeks.json"),
        ("scores/areas", CITY, f"v1/{CITY}/scores/areas.json"),
        ("cells/2/0", CITY, f"v1/{CITY}/cells/2/0.json"),
        (f"weeks/{TARGET}/report.html", CITY, f"{WEEK}/report.html"),
    ],
)
def test_a_file_is_named_by_what_is_asked(path, city, name):
    assert site_name(path, city) == name


def test_all_is_what_the_api_answers_and_gives(write, reader, city):
    files = files_of(write("all"))
    made = week_files(reader, city, TARGET)
    downloads = {f"{WEEK}/downloads/{name}": content for name, content in made.values()}
    assert {name: files.pop(name) for name in downloads} == downloads
    assert files.pop(f"{WEEK}/report.html").decode() == report_page(reader, city, TARGET)
    answers = {
        f"{WEEK}/forecast.json": views.week_forecast(reader, city, TARGET),
        f"{WEEK}/outcome.json": views.week_outcome(reader, CITY, TARGET),
        f"{WEEK}/downloads.json": views.downloads(made),
        f"v1/{CITY}/weeks.json": views.weeks(reader, CITY),
        "v1/weeks.json": views.weeks(reader, CITY),
        f"v1/{CITY}/geometry.json": views.geometry(city, Settings()),
    }
    assert {name: files.pop(name).decode() for name in answers} == {
        name: said.model_dump_json() for name, said in answers.items()
    }
    past = views.cell_history(reader.cell_past(CITY, 2, 0), CITY, 2, 0, TARGET)
    assert files[f"v1/{CITY}/cells/2/0.json"].decode() == past.model_dump_json()
    cells = [name for name in files if "/cells/" in name]
    assert len(cells) == 6
    others = {f"{WEEK}/health.json", f"v1/{CITY}/scores.json", f"v1/{CITY}/scores/areas.json"}
    page = {"index.html", "assets/index-1.js", "feed.xml", f"{WEEK}/checks.html", CARD}
    assert b"<h1>What it is good for</h1>" in files[CARD]
    for name in (CARD, f"{WEEK}/checks.html"):
        back = re.search(rb'<a href="([^"?]+)\?', files[name])[1].decode()
        assert urljoin(f"https://example.org/{name}", back) == "https://example.org/"
    assert set(files) - set(cells) == others | page


def test_what_leads_into_the_installation_is_left_out(write):
    health = json.loads((write("all") / WEEK / "health.json").read_text())
    assert [health[name] for name in ("airflow_run", "data_docs", "stale_detail")] == [None] * 3
    assert health["has_card"] is True


def test_divisions_leave_no_cell_in_the_folder(write):
    folder = write("divisions")
    files = files_of(folder)
    answers = ("forecast", "outcome", "health")
    of_week = {f"{WEEK}/checks.html", *(f"{WEEK}/{name}.json" for name in answers)}
    assert json.loads(files[f"{WEEK}/health.json"])["has_card"] is False
    of_city = {f"v1/{CITY}/{name}.json" for name in ("weeks", "geometry", "scores", "scores/areas")}
    page = {"index.html", "assets/index-1.js", "feed.xml", "v1/weeks.json"}
    assert set(files) == page | of_city | of_week
    forecast, outcome = (json.loads(files[f"{WEEK}/{name}.json"]) for name in answers[:2])
    assert forecast["clusters"] == []
    assert set(map(tuple, forecast["cells"].values())) == {()}
    assert [d["name"] for d in forecast["divisions"]] == ["Up", "Down"]
    assert outcome["cells"] == []
    assert outcome["divisions"] == {"Down": 0, "Up": 3}
    assert b'<meta name="hotspots-site" content="divisions">' in files["index.html"]
    assert b"report.html" not in files["feed.xml"]


def test_nothing_is_public_unless_somebody_says_so(write, tmp_path):
    assert Settings().public == "nothing"
    with pytest.raises(
        InvalidRequest, match=r"HOTSPOTS_PUBLIC is 'nothing'.* set HOTSPOTS_PUBLIC to"
    ):
        write("nothing")
    assert not (tmp_path / "public").exists()
    folder = write("divisions")
    with pytest.raises(InvalidRequest, match=f"{folder} still holds an earlier site: delete it"):
        write("nothing")


def test_a_page_that_is_not_built_is_named(write, tmp_path):
    with pytest.raises(InvalidRequest, match=r"there is no \S*nowhere/index.html. Run `make page`"):
        write("all", page_dir=tmp_path / "nowhere")


def test_no_forecast_makes_no_site(write, store, monkeypatch):
    monkeypatch.setattr(ResultsReader, "cities", lambda _: [])
    with pytest.raises(WeekNotReady, match="No city has a forecast yet"):
        write("all")


def test_what_is_no_longer_public_is_gone_after_a_rerun(write):
    assert any("/cells/" in name for name in files_of(write("all")))
    folder = write("divisions")
    assert not any("/cells/" in name for name in files_of(folder))
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_an_error_leaves_the_earlier_site_as_it_was(write, monkeypatch):
    folder = write("divisions")
    before = files_of(folder)

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(views, "week_forecast", fail)
    with pytest.raises(OSError, match="the disk is full"):
        write("all")
    assert files_of(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_of_other_things_is_not_replaced(write, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    assert (write("divisions", folder) / "index.html").is_file()
    (folder / "index.html").write_text("my diary")
    with pytest.raises(InvalidRequest, match="mine holds something else than a site"):
        write("divisions", folder)
    assert (folder / "index.html").read_text() == "my diary"


def test_the_feed_has_what_the_standard_requires(reader, city):
    weeks = views.weeks(reader, CITY)
    root = ET.fromstring(feed([(city, weeks)], contact="a@b.example", has_reports=True))
    (entry,) = root.findall(f"{ATOM}entry")
    for element in (root, entry):
        one = {name: element.findall(f"{ATOM}{name}") for name in ("id", "title", "updated")}
        assert all(len(found) == 1 and found[0].text for found in one.values())
        assert one["id"][0].text.startswith("urn:uuid:")
        assert datetime.fromisoformat(one["updated"][0].text) == weeks.weeks[0].created_at
    assert root.findtext(f"{ATOM}author/{ATOM}name") == "Hotspots"
    assert "a@b.example" not in ET.tostring(root, encoding="unicode")
    links = {link.get("rel"): link.get("href") for link in entry.findall(f"{ATOM}link")}
    assert parse_qs(urlsplit(links["alternate"]).query) == {"city": [CITY], "week": [str(TARGET)]}
    assert links["related"] == f"{WEEK}/report.html"
    assert "8 reports of" in entry.findtext(f"{ATOM}summary")


def test_an_entry_keeps_its_id_and_says_what_is_made_up(reader, city):
    weeks = views.weeks(reader, CITY)
    made_up = weeks.weeks[0].model_copy(
        update={"provenance": "simulated", "banner": "SIMULATED DATA", "revision": 2}
    )
    texts = [
        feed([(city, weeks.model_copy(update={"weeks": [line]}))], contact=who, has_reports=False)
        for line in (weeks.weeks[0], made_up)
        for who in ("one", "two")
    ]
    ids = [ET.fromstring(text).findtext(f"{ATOM}entry/{ATOM}id") for text in texts]
    assert ids[0] == ids[2] != ids[1] == ids[3]
    entry = ET.fromstring(texts[2]).find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title").endswith("(simulated data)")
    assert entry.findtext(f"{ATOM}summary").startswith("SIMULATED DATA. ")


@pytest.mark.parametrize("public", ["all", "divisions"])
def test_roads_are_of_the_site_where_its_map_is(write, city, tmp_path, public):
    west, south, east, north = city.grid.bounds(1, 1)
    line = {"type": "LineString", "coordinates": [[west, south], [east, north]]}
    road = {"type": "Feature", "properties": {"name": "Main Street"}, "geometry": line}
    path = tmp_path / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [road]}))
    files = files_of(write(public, roads_file=path, roads_source="© City"))
    assert json.loads(files[f"v1/{CITY}/geometry.json"])["has_roads"] is (public == "all")
    found = files.get(f"v1/{CITY}/roads.json")
    assert (found is not None) is (public == "all")
    if found:
        assert json.loads(found)["roads"][0]["name"] == "Main Street"
