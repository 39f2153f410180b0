"""Located reports by their points, held against pandas' own grouping."""

import numpy as np
import pandas as pd
import pytest

from pipeline.quality import measures
from pipeline.quality.evidence import Evidence
from pipeline.quality.frames import incident_frame
from pipeline.quality.points import near_divisions, points_of
from tests.unit.quality.quality_samples import AS_OF


@pytest.fixture
def frame(incidents, incidents_table) -> pd.DataFrame:
    """Reports on few points, days and codes, so that many are alike; some without a place."""
    random = np.random.default_rng(11)
    incidents["lat"] = random.choice([33.9, 34.0, 34.1], len(incidents))
    incidents["lon"] = random.choice([-118.3, -118.2], len(incidents))
    unplaced = random.random(len(incidents)) < 0.2
    incidents.loc[unplaced, ["lat", "lon"]] = np.nan
    incidents.loc[unplaced, "location_status"] = "missing"
    return incident_frame(incidents_table(incidents), AS_OF)


def located(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["location_status"] == "located"]


def test_every_located_report_lies_on_its_point(frame):
    points = points_of(frame)
    assert points.rows.tolist() == located(frame).index.tolist()
    assert points.lat[points.point].tolist() == located(frame)["lat"].tolist()
    assert points.lon[points.point].tolist() == located(frame)["lon"].tolist()
    assert len(points.lat) == len(located(frame)[["lat", "lon"]].drop_duplicates()) == 6


def test_the_busiest_point_is_the_largest_group(city, frame):
    groups = located(frame).groupby(["lat", "lon"]).size()
    found = measures.busiest_point_pct(Evidence(city, AS_OF, frame, len(frame), AS_OF))
    assert found.rows == groups.max()
    assert found.value == pytest.approx(100 * groups.max() / groups.sum())


def test_reports_like_an_earlier_one_are_the_duplicates(city, frame):
    alike = located(frame).duplicated(["occurred_age_days", "lat", "lon", "offence_code"])
    found = measures.repeated_reports_pct(Evidence(city, AS_OF, frame, len(frame), AS_OF))
    assert found.rows == alike.sum() > 0
    assert found.value == pytest.approx(100 * alike.mean())


def test_without_located_reports_there_are_no_points(frame):
    points = points_of(frame[frame["location_status"] == "missing"])
    assert len(points.rows) == len(points.point) == len(points.lat) == len(points.lon) == 0


def test_a_cell_beside_a_division_is_near_it_and_the_next_one_is_not(city):
    cells = city.listed_cells()
    near = near_divisions(city)
    for name in ("Harbor", "Topanga"):
        rows = cells.row[np.array(cells.division) == name]
        at = np.flatnonzero(near[:, :, city.divisions.index(name)].any(axis=1))
        # One row more to the north and to the south, where the grid goes on.
        assert at.min() == max(rows.min() - 1, 0)
        assert at.max() == min(rows.max() + 1, 59)
    assert near[cells.row, cells.col].any(axis=1).all()
