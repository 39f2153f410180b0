"""Each fault of a source: the week recovers and says how, or stops with the named error, whole."""

from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import DatasetMoved, SchemaDrift, SourceUnavailable, WeekNotReady
from pipeline.files import TEMPORARY
from pipeline.lake.lake import Lake
from pipeline.results.store.writer import ResultsStore
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube
from tests.integration.conftest import ISSUE_DATE, small_settings

NOW = datetime(2018, 3, 1, 15, tzinfo=UTC)
SOCRATA = "ijzp-q8t2"


def to_cube(settings):
    plan = make_plan(settings, city="chicago", issue_date=ISSUE_DATE, now=NOW)
    return run_to_cube(settings, plan, now=NOW)


def nothing_half_written(settings):
    left = [path for path in settings.home.rglob("*") if TEMPORARY in path.name]
    with pytest.raises(WeekNotReady):
        ResultsStore(settings.results_database).latest("chicago")
    return not left


@pytest.fixture(scope="module")
def untroubled(portal, tmp_path_factory):
    portal.clear_faults()
    return to_cube(small_settings(portal.url, tmp_path_factory.mktemp("untroubled")))


@pytest.mark.parametrize(
    ("fault", "options", "said"),
    [
        ("throttled", {"times": 2}, "429"),
        ("error_500", {"times": 1}, "500"),
        ("error_503", {"times": 2}, "503"),
        ("cut_body", {"times": 1}, ""),
        ("slow", {"times": 1, "seconds": 4}, ""),
        ("empty_page", {"times": 1}, ""),
    ],
)
def test_passing_trouble_is_recovered_from_and_told(
    portal, settings, untroubled, fault, options, said
):
    portal.set_fault(fault, match=SOCRATA, **options)
    validated, grid = to_cube(settings)
    notes = "\n".join(validated["notes"])
    assert said in notes
    assert notes
    assert grid["ref"] == untroubled[1]["ref"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttled", SourceUnavailable),
        ("error_500", SourceUnavailable),
        ("error_503", SourceUnavailable),
        ("cut_body", SourceUnavailable),
        ("empty_page", SourceUnavailable),
        ("moved_403", DatasetMoved),
        ("renamed_column", SchemaDrift),
    ],
)
def test_lasting_trouble_ends_in_the_named_error(portal, settings, fault, error):
    portal.set_fault(fault, match=SOCRATA)
    with pytest.raises(error):
        to_cube(settings)
    assert nothing_half_written(settings)
    assert Lake(settings.lake_root).snapshots("chicago", SOCRATA) == []


def test_after_the_trouble_the_same_command_succeeds(portal, settings, untroubled):
    portal.set_fault("error_503", match=SOCRATA)
    with pytest.raises(SourceUnavailable):
        to_cube(settings)
    portal.clear_faults()
    assert to_cube(settings)[1]["ref"] == untroubled[1]["ref"]


def test_rows_are_asked_for_in_order_so_none_repeat(portal, settings, untroubled):
    portal.set_fault("duplicates_without_order")
    assert to_cube(settings)[1]["ref"] == untroubled[1]["ref"]


@pytest.mark.parametrize(
    "faults",
    [
        [("error_500", "www.ncei.noaa.gov"), ("acis_error_in_200", "")],
        [("moved_403", host) for host in ("www.ncei.noaa.gov", "rcc-acis.org", "api.weather.gov")],
    ],
    ids=["broken", "forbidden"],
)
def test_weather_trouble_never_stops_a_week(portal, settings, faults):
    for fault, host in faults:
        portal.set_fault(fault, match=host)
    validated, grid = to_cube(settings)
    assert grid["horizon"] == 3
    assert validated["accepted"] > 0
    assert any("weather" in note or "ncei" in note for note in validated["notes"])
