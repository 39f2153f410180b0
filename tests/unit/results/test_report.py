import base64
import re
from datetime import date, timedelta
from html import unescape

import numpy as np
import pytest

from pipeline.domain.errors import WeekNotReady
from pipeline.results.products.dates import week_words
from pipeline.results.products.week_report import report_page
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

WEEK = timedelta(days=7)


@pytest.fixture
def history(store, cells, tmp_path):
    publish(store, cells, provenance="simulated")
    publish(store, cells, target=TARGET + WEEK, notes=("one <retry>",))
    return ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")


def words(page):
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(text).split())


def test_a_page_holds_the_weeks_figures_and_says_what_they_are(history, city):
    page = report_page(history, city, TARGET)
    text = words(page)
    total = history.totals("smallville", TARGET).iloc[0]
    assert "SIMULATED DATA" in text
    assert f"8 reports of robbery expected in the city, 80 % between {total['q10']}" in text
    assert "1 Up 27.3 x 55.6 4.0 0.8" in text
    assert "Named after their peaks. A cell is 27.31 x 55.60 km." in text
    assert "1 of 2 checks passed" in text
    assert "Code 0.1.0." in text
    assert "No earlier week is known yet." in text
    assert "were counted" not in text
    assert "Not for patrol dispatch" in text


def test_a_page_needs_nothing_else_and_prints(history, city):
    page = report_page(history, city, TARGET + WEEK)
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert not re.search(r"https?://|<script|<link", page)
    assert "@media print" in page
    assert "one &lt;retry&gt;" in page
    assert "SIMULATED" not in page


def test_misses_are_shown_as_plainly_as_hits(store, history, city):
    hit, miss = np.zeros((3, 4)), np.zeros((3, 4))
    hit[0, 1], miss[0, 1] = 8, 90
    store.save_observed("smallville", [TARGET, TARGET + WEEK], [hit, miss], TARGET + 4 * WEEK)
    scores = {
        "dual_branch_cnn": {"poisson_deviance": 0.9},
        "long_run_mean": {"poisson_deviance": 1.0},
    }
    store.save_scores("smallville", TARGET, 1, scores, TARGET + 4 * WEEK)
    text = words(report_page(history, city, TARGET))
    assert "8 inside" in text
    assert "90 OUTSIDE" in text
    assert "8 were counted: inside the 80 %." in text
    assert "90 were counted: OUTSIDE the 80 %." in words(report_page(history, city, TARGET + WEEK))
    # A deviance of 0.9 against 1.0.
    assert "over 1 scored weeks: -10.0 %" in text


def test_the_newest_week_says_in_a_sentence_that_it_is_stale(store, history, city):
    issued = TARGET + WEEK + timedelta(days=3)
    store.mark_stale("smallville", "StaleData: freshness_stale\n  Data Docs: /srv/docs", issued)
    text = words(report_page(history, city, TARGET + WEEK))
    assert (
        "STALE since Jan 14, 2026: the city's newest reports are too old to forecast from, so "
        "the week of Jan 18, 2026 has no forecast yet; the last one, for the week of Jan 11, 2026, "
        "is still shown." in text
    )
    for inside in ("StaleData", "freshness_stale", "/srv"):
        assert inside not in text
    assert "STALE" not in words(report_page(history, city, TARGET))


def test_checks_that_failed_are_told_in_words(store, cells, city, history):
    from tests.unit.results.samples import HEALTH, make_forecast, make_hotspots, make_run

    late = {**HEALTH[1], "table": "incidents", "name": "freshness_late", "found": "20 days"}
    forecast = make_forecast(2.0)
    store.publish(
        make_run(forecast_sha256="b" * 64), forecast, make_hotspots(forecast), (late,), cells,
        today=TARGET - WEEK,
    )  # fmt: skip
    text = words(report_page(history, city, TARGET))
    assert "rhythm explains (found 20 days, expected 7 at most)." in text
    assert "freshness_late" not in text


def test_a_cluster_without_a_long_run_mean_has_none(store, cells, city, tmp_path):
    from tests.unit.results.samples import BEFORE, HEALTH, make_forecast, make_hotspots, make_run

    forecast = make_forecast()
    store.publish(make_run(), forecast, make_hotspots(forecast), HEALTH, cells, today=BEFORE)
    reader = ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    assert "55.6 4.0 –" in words(report_page(reader, city, TARGET))


def test_a_week_without_forecast_has_no_page(history, city):
    with pytest.raises(WeekNotReady):
        report_page(history, city, TARGET + 9 * WEEK)


def test_the_figures_that_matter_stand_first(store, history, city, cells):
    text = words(report_page(history, city, TARGET))
    assert "– change from last week: the week before has no forecast." in text
    # 4.0 of 7.875 in the one cell of the top 5 %.
    assert "51 % of the reports are expected in the top 5 % of cells: 1 of 6." in text
    publish(store, cells, target=TARGET + 2 * WEEK, scale=2.0, forecast_sha256="c" * 64)
    text = words(report_page(history, city, TARGET + 2 * WEEK))
    # 15.75, after 7.875.
    assert "+8 change from last week (+100 %), for which 8 were expected." in text


def test_a_week_after_a_gap_is_not_compared_with_an_older_one(store, history, city, cells):
    publish(store, cells, target=TARGET + 3 * WEEK, forecast_sha256="c" * 64)
    text = words(report_page(history, city, TARGET + 3 * WEEK))
    assert "the week before has no forecast" in text


def test_the_outcome_gets_a_map_of_its_own(store, history, city):
    store.save_observed("smallville", [TARGET], [np.ones((3, 4))], TARGET + 4 * WEEK)
    page = report_page(history, city, TARGET)
    assert page.count("data:image/png") == 2
    assert "Reports counted per cell" in page


@pytest.mark.parametrize(
    ("country", "paper", "title"),
    [("US", "letter", "Jan 4 – 10, 2026"), ("CA", "letter", "4 – 10 Jan 2026"),
     ("DE", "A4", "4 – 10 Jan 2026")],
)  # fmt: skip
def test_paper_and_dates_are_those_of_the_country(history, city, country, paper, title):
    page = report_page(history, city.model_copy(update={"country": country}), TARGET)
    assert f"@page {{ size: {paper};" in page
    assert f"<title>Smallville: week of {title}</title>" in page


@pytest.mark.parametrize(
    ("country", "week", "said"),
    [
        ("US", date(2026, 9, 27), "Sep 27 – Oct 3, 2026"),
        ("DE", date(2026, 9, 27), "27 Sep – 3 Oct 2026"),
        ("US", date(2025, 12, 28), "Dec 28, 2025 – Jan 3, 2026"),
        ("DE", date(2025, 12, 28), "28 Dec 2025 – 3 Jan 2026"),
    ],
)
def test_a_week_over_a_months_or_years_end_names_both(city, country, week, said):
    assert week_words(city.model_copy(update={"country": country}), week) == said


def test_what_has_no_room_is_counted(store, cells, city, tmp_path):
    publish(store, cells, notes=("a " * 200, "b", "c", "d"))
    reader = ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    text = words(report_page(reader, city, TARGET))
    assert "a a ..." in text
    # A check that did not pass and four notes; two have room.
    assert "3 more: see the Hotspots page." in text
