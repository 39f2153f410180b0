"""The simulated city: reproducible, published as the portal would, free of persons."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.city import load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.replay.kinds import CODES, KINDS, NIBRS
from pipeline.replay.parameters import load_parameters
from pipeline.replay.places import CityPlaces
from pipeline.replay.simulator import simulate
from pipeline.replay.source import COLUMNS


@pytest.fixture(scope="module")
def nibrs(short_city):
    return short_city.datasets["k7nn-b2ep"].table.to_pandas()


@pytest.fixture(scope="module")
def legacy(short_city):
    return short_city.datasets["2nrs-mtv8"].table.to_pandas()


def test_same_seed_gives_the_same_days_whatever_the_span(short_city):
    inside = simulate(3, date(2024, 3, 20), date(2024, 4, 2)).events
    events = short_city.events
    same = events[events["occurred_on"].between("2024-03-20", "2024-04-02")]
    pd.testing.assert_frame_equal(inside, same.reset_index(drop=True))


def test_another_seed_gives_other_days(short_city):
    other = simulate(4, date(2024, 4, 1), date(2024, 4, 30)).events
    events = short_city.events
    mine = events[events["occurred_on"].between("2024-04-01", "2024-04-30")]
    assert len(other) != len(mine)


@pytest.mark.parametrize(
    ("first", "last"), [((2024, 2, 1), (2024, 1, 1)), ((2009, 12, 31), (2010, 2, 1))]
)
def test_days_out_of_order_or_too_early_are_refused(first, last):
    with pytest.raises(InvalidRequest, match="2010-01-01"):
        simulate(1, date(*first), date(*last))


def test_tables_hold_their_columns_and_no_person(short_city):
    for dataset in short_city.datasets.values():
        assert dataset.table.schema == COLUMNS[dataset.adapter]
        assert dataset.title.startswith("SIMULATED ")
        assert not [n for n in dataset.table.column_names if n.startswith(("vict", "susp"))]


def test_keys_are_unique(legacy, nibrs):
    assert legacy["dr_no"].is_unique
    assert nibrs["uniquenibrno"].is_unique
    assert legacy["dr_no"].str.fullmatch(r"24\d{7}").all()


def test_a_case_may_hold_several_offences(nibrs):
    per_case = nibrs.groupby("caseno").size()
    assert 0.05 < (per_case > 1).mean() < 0.2
    first = nibrs["caseno"] + nibrs["nibr_code"].fillna("")
    assert nibrs["uniquenibrno"].str[:-1].equals(first)


def test_oddities_of_the_new_system(nibrs):
    assert set(nibrs["status_desc"]) == {"Open", "Unfounded", "Non-Crime/Other"}
    assert nibrs["nibr_code"].isna().mean() == pytest.approx(0.0003, abs=0.0003)
    zero = (nibrs["hndrdth_lat"] == 0) & (nibrs["hndrdth_lon"] == 0)
    assert zero.mean() == pytest.approx(0.003, abs=0.0015)
    assert (nibrs["date_rptd"].dt.hour != 0).any()


def test_placeholder_dates_of_the_year_1800():
    year = simulate(3, date(2025, 1, 1), date(2025, 12, 31))
    table = year.datasets["k7nn-b2ep"].table.to_pandas()
    assert 1 <= (table["date_occ"].dt.year == 1800).sum() < 30


def test_the_old_system_tapers_from_its_last_day(short_city, legacy, nibrs):
    assert nibrs["date_rptd"].min() >= pd.Timestamp("2024-03-07")
    april = short_city.events[short_city.events["reported_on"].dt.month == 4]
    assert april["is_legacy"].mean() == pytest.approx(0.68, abs=0.05)
    central = april[april["division"] == 0]
    assert central["is_legacy"].mean() < 0.4  # moved before the others
    assert (april["is_legacy"] & april["is_nibrs"]).mean() == pytest.approx(0.0025, abs=0.002)
    assert (april["is_legacy"] | april["is_nibrs"]).all()


def test_before_2020_reports_are_in_the_oldest_dataset_and_2016_repeats_some():
    city = simulate(3, date(2016, 5, 1), date(2016, 5, 31))
    rows = city.datasets["63jg-8b9z"].table.to_pandas()
    assert city.datasets["2nrs-mtv8"].table.num_rows == 0
    assert rows["dr_no"].duplicated().mean() == pytest.approx(0.2, abs=0.02)  # .25 of 1.25
    assert rows.duplicated().sum() == rows["dr_no"].duplicated().sum()


def test_only_what_was_reported_by_the_last_refresh_shows(short_city):
    # Refreshes: 2026-09-29 less 63 and 62 times 14 days; each shows what is ten days old.
    before = short_city.seen_on(date(2024, 4, 29)).datasets["2nrs-mtv8"]
    after = short_city.seen_on(date(2024, 4, 30)).datasets["2nrs-mtv8"]
    assert before.updated_at.date() == date(2024, 4, 16)
    assert after.updated_at.date() == date(2024, 4, 30)
    assert before.table["date_rptd"].to_pandas().max() == pd.Timestamp("2024-04-06")
    assert after.table["date_rptd"].to_pandas().max() == pd.Timestamp("2024-04-20")
    assert after.table["date_occ"].to_pandas().max() == pd.Timestamp("2024-04-20")


def test_the_old_system_is_frozen_in_2025(short_city):
    later = short_city.seen_on(date(2026, 11, 25)).datasets
    assert later["2nrs-mtv8"].updated_at.date() == date(2025, 4, 1)
    assert later["k7nn-b2ep"].updated_at.date() == date(2026, 11, 24)


def test_points_lie_in_cells_of_their_division(short_city):
    city = load_city("los_angeles")
    placed = short_city.events[short_city.events["lat"] != 0]
    row, col, is_inside = city.grid.locate(placed["lat"].to_numpy(), placed["lon"].to_numpy())
    cells = short_city.city.listed_cells()
    number = np.full(city.grid.shape, -1)
    number[cells.row, cells.col] = [city.divisions.index(name) for name in cells.division]
    assert is_inside.all()
    assert (number[row, col] == placed["division"]).all()


def test_reports_gather_on_blocks(short_city):
    placed = short_city.events[short_city.events["lat"] != 0]
    points = placed.groupby(["lat", "lon"]).size()
    assert len(points) < 0.75 * len(placed)
    assert np.allclose(placed["lat"].round(4), placed["lat"])


def test_no_report_before_its_occurrence(short_city):
    assert (short_city.events["reported_on"] >= short_city.events["occurred_on"]).all()


def test_true_rate_is_what_the_counts_scatter_about(short_city):
    class_of = short_city.city.offences.class_of()
    target = [
        k for k, code in enumerate(CODES)
        if class_of.get(f"lapd:{code}") in short_city.city.offences.target
    ]  # fmt: skip
    events = short_city.events
    events = events[events["code"].isin(target) & (events["lat"] != 0)]
    weeks = [date(2024, 3, 3), date(2024, 3, 31), date(2024, 4, 21)]
    expected = sum(short_city.true_weekly_rate(week).sum() for week in weeks)
    found = sum(
        events["occurred_on"].between(str(w), str(w + pd.Timedelta(days=6))).sum() for w in weeks
    )
    assert abs(found - expected) < 4 * expected**0.5
    rate = short_city.true_weekly_rate(weeks[0])
    assert rate.shape == (60, 75)
    assert (rate[~short_city.city.listed_cells().mask] == 0).all()
    calm = short_city.true_weekly_rate(weeks[0], with_shocks=False)
    assert calm.sum() != rate.sum()
    assert np.allclose(calm / calm.sum(), rate / rate.sum(), atol=1e-5)


def test_true_rate_needs_a_simulated_week(short_city):
    with pytest.raises(InvalidRequest, match="2024-02-18"):
        short_city.true_weekly_rate(date(2024, 2, 18))


def test_weather_has_seven_consistent_stations(short_city):
    frame = short_city.daily_weather
    assert frame["station"].nunique() == 7
    assert (frame["tmin_degc"] < frame["tmax_degc"]).all()
    assert (frame["prcp_mm"] >= 0).all()
    wide = frame.pivot_table(index="observed_on", columns="station", values="tmax_degc")
    assert wide.corr().to_numpy().min() > 0.75
    assert frame["observed_on"].max() > pd.Timestamp(short_city.shown_day)


def test_a_city_without_cells_can_not_be_simulated():
    with pytest.raises(InvalidRequest, match="Chicago lists no cells"):
        CityPlaces(load_city("chicago"), load_parameters().places, 1)


def test_codes_are_complete():
    assert {code.nibrs for code in CODES.values()} <= set(NIBRS)
    assert {str(code) for kind in KINDS for code in kind.codes} <= set(CODES)
    for kind in load_parameters().kinds:
        assert set(kind.codes) <= set(CODES)
        assert kind.delay_share[-1] == 1.0
        assert list(kind.delay_share) == sorted(kind.delay_share)


def test_every_class_but_those_of_sex_is_coded_alike_in_both_systems():
    class_of = load_city("los_angeles").offences.class_of()
    hidden = load_city("los_angeles").offences.citywide_only
    of_police = {"623"}  # left out in the old system; the new one doesn't tell it apart
    for legacy_code, code in CODES.items():
        if legacy_code in of_police:
            continue
        old = class_of.get(f"lapd:{legacy_code}", "other")
        new = class_of.get(f"nibrs:{code.nibrs}", "other")
        assert old == new or {old, new} <= {*hidden, "other"}, legacy_code
