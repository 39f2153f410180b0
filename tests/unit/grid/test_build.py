from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.columns import (
    CELLS,
    CUBE_COUNTS,
    CUBE_STATION_WEEKS,
    CUBE_STATIONS,
    CUBE_WEATHER,
    CUBE_WEEKS,
)  # fmt: skip
from pipeline.domain.errors import InvalidRequest, WeekNotReady
from pipeline.grid.build import build_cube, cube_from_tables, cube_tables, cube_weeks
from pipeline.lake.lake import Lake

SUNDAY = date(2023, 1, 1)
NEAR = "USW00000001"


def day(weeks, days=0):
    return SUNDAY + timedelta(weeks=weeks, days=days)


def report(occurred, reported=None, **other):
    return {"occurred_on": occurred, "reported_on": reported or occurred, **other}


class TestWeeks:
    def test_they_run_from_the_first_whole_week_to_six_past_the_last(self, make_incidents):
        incidents = make_incidents(report(day(0)), report(day(2)))
        assert cube_weeks(incidents, day(2, 6)) == [day(k) for k in range(3 + 6)]

    def test_a_week_begun_before_the_first_report_is_left_out(self, make_incidents):
        # The first report lies on a Monday, so the week before the next Sunday isn't whole.
        assert cube_weeks(make_incidents(report(day(0, 1))), day(1, 6))[0] == day(1)

    def test_a_week_published_but_for_its_saturday_is_not_whole(self, make_incidents):
        incidents = make_incidents(report(day(0)))
        assert cube_weeks(incidents, day(2, 5))[-1] == day(1 + 6)
        assert cube_weeks(incidents, day(2, 6))[-1] == day(2 + 6)

    @pytest.mark.parametrize("stray", [[-700], [-700] * 9, list(range(-900, -300, 7)), [-40, -33]])
    def test_wrong_dates_before_the_first_week_make_no_weeks(self, make_incidents, stray):
        dense = [report(day(week, k)) for week in range(20) for k in range(7) for _ in range(10)]
        whole = cube_weeks(make_incidents(*dense), day(19, 6))
        wrong = [report(day(0) + timedelta(days=days)) for days in stray]
        assert cube_weeks(make_incidents(*dense, *wrong), day(19, 6)) == whole

    def test_a_few_reports_a_week_are_a_history(self, make_incidents):
        few = [report(day(week, 3)) for week in range(0, 60, 2)]
        assert len(cube_weeks(make_incidents(*few), day(59, 6))) == 59 + 6

    def test_without_a_whole_week_there_is_no_cube(self, make_incidents):
        with pytest.raises(WeekNotReady, match="hold no whole week"):
            cube_weeks(make_incidents(report(day(0))), day(0, 5))
        assert len(cube_weeks(make_incidents(report(day(0))), day(0, 6))) == 7

    def test_without_reports_there_is_no_cube(self, make_incidents):
        with pytest.raises(WeekNotReady, match="no reports at all"):
            cube_weeks(make_incidents(), SUNDAY)


class TestBuild:
    @pytest.fixture
    def built(self, city, make_incidents, make_weather, make_calendar):
        calendar = make_calendar(20, first=day(-3))
        calendar.loc[calendar["week_start"] == day(1), ["holiday_days", "holidays"]] = [1, "A day"]
        incidents = make_incidents(
            report(day(-1, 3)),  # a Wednesday: the first day, in a week that isn't whole
            report(day(0)),
            report(day(0), era="nibrs"),
            report(day(0, 2), day(1, 2), era="nibrs"),  # a week late
            report(day(0, 1), location_status="missing"),
            report(day(1, 1), lat=3.5, era="nibrs"),
            report(day(2, 1)),  # after what is known through
        )
        weather = make_weather(*((NEAR, day(1, k), 20, 10, 1) for k in range(7)))
        return build_cube(city, incidents, weather, calendar, known_through=day(2, 3))

    def test_whole_weeks_are_marked(self, built):
        weeks = built[0].weeks_table.to_pandas()
        assert weeks["week_start"].tolist() == [day(k) for k in range(8)]
        assert weeks["is_whole"].tolist() == [True, True] + [False] * 6

    def test_reports_are_counted_wherever_they_lie(self, built):
        weeks = built[0].weeks_table.to_pandas()
        assert weeks["reports"].tolist() == [4, 1, 1, 0, 0, 0, 0, 0]
        # Week 0: of the three reported within it (one a week late) one is in the NIBRS system.
        assert weeks["nibrs_share"].tolist() == pytest.approx([1 / 3, 1, 0, 0, 0, 0, 0, 0])

    def test_the_calendar_is_carried_over(self, built):
        weeks = built[0].weeks_table.to_pandas()
        assert weeks["holiday_days"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
        assert weeks["holidays"][1] == "A day"
        assert set(weeks["daylight_hours"]) == {12.0}

    def test_the_partial_week_is_tallied_but_not_in_the_cube(self, built):
        cube, tally = built
        assert (tally.rows, tally.placed, tally.missing) == (7, 6, 1)
        assert pc.sum(cube.counts_table["reports"]).as_py() == 5
        assert pc.min(cube.counts_table["week_start"]).as_py() == day(0)

    def test_weather_covers_the_cells_of_observed_weeks(self, built):
        cube, _ = built
        assert set(cube.weather_table["week_start"].to_pylist()) == {day(1)}
        assert cube.weather_table.num_rows == len(cube.cells) == 2

    def test_every_table_keeps_its_contract(self, built):
        contracts = {
            "cells": CELLS, "counts": CUBE_COUNTS, "stations": CUBE_STATIONS,
            "station_weeks": CUBE_STATION_WEEKS, "weeks": CUBE_WEEKS,
        }  # fmt: skip
        tables = cube_tables(built[0])
        assert CUBE_WEATHER.conform(built[0].weather_table).equals(built[0].weather_table)
        assert sorted(tables) == sorted(contracts)
        for name, table in tables.items():
            assert contracts[name].conform(table).equals(table)

    def test_the_lake_gives_back_the_same_cube(self, city, built, tmp_path):
        lake, cube = Lake(tmp_path), built[0]
        ref = lake.write("cubes", city.name, cube_tables(cube), {})
        again = cube_from_tables(city, lake.read(ref))
        assert again.cells.division == cube.cells.division
        assert (again.cells.mask == cube.cells.mask).all()
        assert seen(again.as_of(day(1))) == seen(cube.as_of(day(1)))
        assert again.weather_table.equals(cube.weather_table)
        assert lake.write("cubes", city.name, cube_tables(again), {}) == ref

    def test_a_cube_of_an_earlier_release_is_named(self, city, built):
        tables = cube_tables(built[0])
        earlier = {name: tables[name] for name in ("cells", "counts", "weeks")}
        earlier["weather"] = built[0].weather_table
        with pytest.raises(
            InvalidRequest, match=r"holds cells, counts, weather, weeks.*build_grid"
        ):
            cube_from_tables(city, earlier)


@pytest.mark.parametrize("as_timestamps", [False, True])
def test_the_calendar_may_hold_dates_or_timestamps(
    city, make_incidents, make_weather, make_calendar, as_timestamps
):
    calendar = make_calendar(8)
    if as_timestamps:
        calendar["week_start"] = pd.to_datetime(calendar["week_start"])
    cube, _ = build_cube(
        city, make_incidents(report(day(0))), make_weather(), calendar, known_through=day(1, 6)
    )
    assert cube.weeks_table["week_start"].to_pylist() == [day(k) for k in range(8)]


def test_a_calendar_that_ends_early_is_refused(city, make_incidents, make_weather, make_calendar):
    with pytest.raises(InvalidRequest, match=r"lacks 2 weeks of the cube, 2023-02-05 first"):
        build_cube(
            city,
            make_incidents(report(day(0))),
            make_weather(),
            make_calendar(5),
            known_through=day(0, 6),
        )


REPORTS = st.lists(
    st.builds(
        lambda occurred, late, lat, offence: report(
            day(0, occurred), day(0, occurred + late), lat=lat, offence_class=offence
        ),
        st.integers(0, 34),
        st.integers(0, 60),
        st.floats(0, 5.9),
        st.sampled_from(["robbery", "rape", "other"]),
    ),
    min_size=1,
    max_size=25,
)
EVERYWHERE = [report(day(0), lat=row + 0.5) for row in range(6)]


def cube_of(city, make_incidents, make_weather, make_calendar, rows):
    incidents = make_incidents(*EVERYWHERE, *rows)
    calendar, no_weather = make_calendar(12), make_weather()
    return build_cube(city, incidents, no_weather, calendar, known_through=day(4, 6))[0]


def seen(view):
    """Return all that a view shows, in a form that compares."""
    return (
        view.counts(["robbery", "other"]).tolist(),
        view.calendar(5).to_dict("records"),
    )


@settings(derandomize=True, deadline=None, max_examples=25)
@given(rows=REPORTS)
def test_a_later_view_never_has_fewer_reports(
    city, make_incidents, make_weather, make_calendar, rows
):
    cube = cube_of(city, make_incidents, make_weather, make_calendar, rows)
    views = [cube.as_of(day(k)).counts(["robbery", "other"]) for k in range(5)]
    for earlier, later in pairwise(views):
        assert (later[: len(earlier)] >= earlier).all()


@settings(derandomize=True, deadline=None, max_examples=12)
@given(rows=REPORTS, occurred=st.integers(0, 13), era=st.sampled_from(["legacy", "nibrs"]))
def test_a_planted_revision_shows_only_from_the_week_it_was_reported_in(
    city, make_incidents, make_weather, make_calendar, rows, occurred, era
):
    tools = (city, make_incidents, make_weather, make_calendar)
    planted = report(day(0, occurred), day(3, 2), era=era)  # reported in week 3
    plain, revised = cube_of(*tools, rows), cube_of(*tools, [*rows, planted])
    for week in range(3):
        assert seen(revised.as_of(day(week))) == seen(plain.as_of(day(week)))
    for week in (3, 4):
        gained = revised.as_of(day(week)).counts(["robbery"]) - plain.as_of(day(week)).counts(
            ["robbery"]
        )
        assert gained.sum() == gained[occurred // 7, 0, 0] == 1


@settings(derandomize=True, deadline=None, max_examples=10)
@given(rows=REPORTS, seed=st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_change_the_bytes(
    city, make_incidents, make_weather, make_calendar, tmp_path_factory, rows, seed
):
    tools = (city, make_incidents, make_weather, make_calendar)
    lake = Lake(tmp_path_factory.mktemp("lake"))
    shuffled = list(rows)
    seed.shuffle(shuffled)
    refs = [
        lake.write("cubes", city.name, cube_tables(cube_of(*tools, order)), {})
        for order in (rows, shuffled)
    ]
    assert refs[0] == refs[1]
