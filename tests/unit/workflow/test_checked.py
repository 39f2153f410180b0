"""What passed a week's checks, stored whole or as the first reports of an archive."""

from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.columns import INCIDENTS, WEATHER_DAILY
from pipeline.domain.weeks import EPOCH
from pipeline.lake.lake import Lake
from pipeline.quality.gate import check_incidents, check_weather
from pipeline.workflow.archive import Archive
from pipeline.workflow.backfill import Session
from pipeline.workflow.checked import read_checked, write_checked
from pipeline.workflow.reads import Reads
from tests.unit.quality.quality_samples import AS_OF, as_table, good_incidents, good_weather

CITY = "los_angeles"
INFO = {"issue_date": AS_OF.isoformat()}


@pytest.fixture
def archive(tmp_path):
    """Good reports in the order in which they became known, but for one of an unknown era."""
    frame = good_incidents(load_city(CITY)).sort_values("reported_on", kind="stable")
    frame = frame.reset_index(drop=True)
    frame.loc[100, "era"] = "paper"
    known_on = np.array([(day - EPOCH).days for day in frame["reported_on"]], np.int32)
    return Archive(tmp_path / "lake", CITY, as_table(INCIDENTS, frame), known_on)


def checks_of(archive, issue_date):
    city = load_city(CITY)
    known = archive.through(issue_date)
    incidents = check_incidents(
        city,
        known,
        issue_date=issue_date,
        known_through=issue_date,
        docs_dir=None,
        judged=Session().judged(city, archive),
    )
    weather = as_table(WEATHER_DAILY, good_weather())
    return incidents, check_weather(city, weather, issue_date=AS_OF, docs_dir=None)


@pytest.mark.parametrize("weeks_back", [0, 2])
def test_a_week_reads_back_what_passed_its_checks(archive, weeks_back):
    lake = Lake(archive.root)
    incidents, weather = checks_of(archive, AS_OF - timedelta(weeks=weeks_back))
    assert incidents.left_out.tolist() == [100]
    whole, first = (
        read_checked(lake, write_checked(lake, CITY, incidents, weather, shared, INFO), Reads())
        for shared in (None, archive)
    )
    for reports, days in (whole, first):
        assert reports.equals(incidents.accepted)
        assert days.equals(weather.accepted)


def test_the_weeks_of_an_archive_store_it_once(archive):
    lake = Lake(archive.root)
    for weeks_back in (0, 2):
        incidents, weather = checks_of(archive, AS_OF - timedelta(weeks=weeks_back))
        write_checked(lake, CITY, incidents, weather, archive, INFO)
    weeks = lake.refs("validated", CITY)
    assert len(weeks) == 2
    assert all("incidents" not in lake.read(week) for week in weeks)
    (held,) = lake.refs("archives", CITY)
    assert {lake.info(week)["archive"] for week in weeks} == {held.to_json()}
    assert lake.read(held)["incidents"].equals(archive.incidents)
