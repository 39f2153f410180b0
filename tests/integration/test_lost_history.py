"""A snapshot that lost what the one before it held, from the pull to the person who accepts it."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from pipeline.domain.errors import QualityGateFailed
from pipeline.lake.lake import Lake
from pipeline.replay.recorded import RecordedData
from pipeline.replay.server import ReplayServer
from pipeline.results.store.writer import ResultsStore
from pipeline.sources.adapters import ADAPTERS
from pipeline.workflow.plan import make_plan
from pipeline.workflow.run import run_to_cube
from tests.integration.conftest import made_up_reports, small_settings

CHICAGO = ("--city", "chicago")


def source(folder, reports):
    folder.mkdir()
    reports.to_parquet(folder / "crime_2016_2017.parquet")
    return RecordedData(folder)


@pytest.fixture
def weeks(tmp_path, hotspots, home):
    """Return the settings of the command line, its portal, and three of its states."""
    reports = made_up_reports()
    occurred = reports["occurred_at"]
    early = reports[occurred < "2017-12-06"]
    late = reports[occurred < "2017-12-13"]
    is_old = late["occurred_at"] < "2017-08-01"
    lost = late[~is_old | (np.arange(len(late)) % 10 < 4)]
    states = [
        source(tmp_path / name, rows)
        for name, rows in (("early", early), ("lost", lost), ("late", late))
    ]
    with ReplayServer(states[0]) as server:
        settings = small_settings(server.url, home / "lost" / tmp_path.name)
        yield settings, server, states


def to_cube(settings, issue_date, hour=15):
    moment = datetime.fromisoformat(f"{issue_date}T{hour}:00").replace(tzinfo=UTC)
    plan = make_plan(settings, city="chicago", issue_date=issue_date, now=moment)
    return run_to_cube(settings, plan, now=moment)


def test_a_snapshot_that_lost_history_is_refused_and_pulled_again(weeks):
    settings, server, (_, lost, late) = weeks
    _, first = to_cube(settings, "2017-12-13")
    assert first["edge_week"] == "2017-11-26"

    server.source = lost
    with pytest.raises(QualityGateFailed, match="history_lost: found 4") as told:
        to_cube(settings, "2017-12-20")
    assert "rows of ijzp-q8t2, 2016, where the snapshot before held 1," in str(told.value)

    # The portal's time has not moved, and still it is asked: a refused snapshot is not held.
    server.source = late
    validated, grid = to_cube(settings, "2017-12-20", hour=16)
    assert grid["edge_week"] == "2017-12-03"
    assert len(Lake(settings.lake_root).snapshots("chicago", "ijzp-q8t2")) == 3
    kept = next(check for check in validated["health"] if check["name"] == "history_kept")
    assert kept["outcome"] == "pass"
    assert "where the snapshot before held" in kept["found"]


def test_what_changed_is_shown_and_can_be_accepted(weeks, hotspots):
    settings, server, (_, lost, _) = weeks
    to_cube(settings, "2017-12-13")
    server.source = lost
    with pytest.raises(QualityGateFailed, match="history_lost"):
        to_cube(settings, "2017-12-20")

    here = {"HOTSPOTS_HOME": str(settings.home)}
    code, listed, _ = hotspots("lake", "ls", *CHICAGO, **here)
    assert code == 0
    of_crime = listed.split("weather_ncei")[0].splitlines()
    assert [line.split()[-1] for line in of_crime if line.startswith("  2017")] == [
        "recorded",
        "refused",
    ]
    assert "of Chicago, " in listed

    code, shown, _ = hotspots("lake", "diff", "20171213", "20171220", *CHICAGO, **here)
    assert code == 0
    assert "ijzp-q8t2: 21,980 rows then" in shown
    assert "are gone" in shown
    assert "2016" in shown
    assert "battery" in shown
    lines = [line.replace(",", "").split()[-3:] for line in shown.splitlines()]
    weekly = [[int(n) for n in line] for line in lines if line and all(map(str.isdigit, line))]
    gone, new, changed = (sum(numbers) for numbers in zip(*weekly, strict=True))
    assert f"{gone:,} are gone, {new:,} are new, {changed:,} changed" in shown

    code, said, _ = hotspots(
        "lake", "accept", "20171220", "--dataset", "ijzp-q8t2", *CHICAGO, **here
    )
    assert code == 0
    assert "is accepted" in said
    _, grid = to_cube(settings, "2017-12-20", hour=16)
    assert grid["edge_week"] == "2017-12-03"


def test_what_nothing_needs_is_pruned_when_it_is_old_and_meant(weeks, hotspots):
    settings, server, (_, lost, late) = weeks
    to_cube(settings, "2017-12-13")
    server.source = lost
    with pytest.raises(QualityGateFailed):
        to_cube(settings, "2017-12-20")
    server.source = late
    to_cube(settings, "2017-12-20", hour=16)
    here = {"HOTSPOTS_HOME": str(settings.home)}
    code, _, error = hotspots("lake", "prune", "--older-than", "30", *CHICAGO, **here)
    assert code == 5
    assert "There is no results store" in error  # which snapshots forecasts are of is not known
    ResultsStore(settings.results_database).migrate()
    code, said, _ = hotspots("lake", "prune", "--older-than", "36500", *CHICAGO, **here)
    assert (code, said.split(" snapshots")[0]) == (0, "0 of 15")

    prune = ("lake", "prune", "--older-than", "30", *CHICAGO)
    code, said, _ = hotspots(*prune, **here)
    assert code == 0
    # The refused one, and the weather of that try.
    assert "ijzp-q8t2  20171220T150000Z-" in said
    assert "4 of 15 snapshots would be pruned" in said
    assert hotspots(*prune, **here)[1] == said
    code, said, _ = hotspots(*prune, "--yes", **here)
    assert "4 of 15 snapshots were pruned" in said
    code, said, _ = hotspots(*prune, "--yes", **here)
    assert "0 of 15 snapshots were pruned" in said

    code, listed, _ = hotspots("lake", "ls", *CHICAGO, **here)
    assert (code, listed.count("pruned 20")) == (0, 4)
    code, _, error = hotspots("lake", "accept", "20171220T15", *CHICAGO, **here)
    assert (code, "there is nothing left to accept" in error) == (2, True)
    code, _, error = hotspots("lake", "diff", "20171213", "20171220T15", *CHICAGO, **here)
    assert (code, "its table was deleted" in error) == (5, True)
    _, grid = to_cube(settings, "2017-12-20", hour=17)
    assert grid["edge_week"] == "2017-12-03"


def test_a_name_that_is_none_or_several_is_refused(weeks, hotspots):
    settings, _, _ = weeks
    here = {"HOTSPOTS_HOME": str(settings.home)}
    code, listed, _ = hotspots("lake", "ls", *CHICAGO, **here)
    assert (code, listed.strip()) == (0, "The lake holds no snapshot of Chicago yet.")
    code, _, error = hotspots("lake", "accept", "2017", *CHICAGO, **here)
    assert code == 2
    assert "0 snapshots of Chicago begin with '2017'" in error


def test_snapshots_pulled_at_once_are_told_apart_by_their_dataset(hotspots, tmp_path):
    lake, moment = Lake(tmp_path / "lake"), datetime(2026, 11, 24, 19, tzinfo=UTC)
    for dataset in ("2nrs-mtv8", "k7nn-b2ep"):
        table = pa.table({name: ["1"] for name in ADAPTERS["lapd_nibrs"].columns})
        facts = {"source_updated_at": None, "provenance": "recorded"}
        lake.add_snapshot("los_angeles", dataset, table, pulled_at=moment, **facts)
    here = {"HOTSPOTS_HOME": str(tmp_path)}
    code, _, error = hotspots("lake", "accept", "20261124", **here)
    assert code == 2
    assert "2 snapshots of Los Angeles begin with '20261124'" in error
    code, said, _ = hotspots("lake", "accept", "20261124", "--dataset", "k7nn-b2ep", **here)
    assert code == 0
    assert "of k7nn-b2ep is accepted" in said
