"""Each target class against its own past, and codes that nobody saw before."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipeline.quality import weekly_measures
from pipeline.quality.evidence import Evidence
from tests.unit.quality.quality_samples import AS_OF, LAST_DAY

WEEKS = 20
A_WEEK = {"nibrs:120": 60, "nibrs:13A": 100, "nibrs:09A": 5, "nibrs:23F": 400, "nibrs:290": 200}
CLASSES = {
    "nibrs:120": "robbery", "nibrs:13A": "aggravated_assault", "nibrs:09A": "homicide",
    "nibrs:23F": "theft_from_vehicle",
}  # fmt: skip


def evidence(city, newest: dict[str, int], weeks: int = 1) -> Evidence:
    """Return weeks of A_WEEK reports, the newest ones with these instead."""
    rows = []
    for back in range(WEEKS):
        a_week = A_WEEK | newest if back < weeks else A_WEEK
        age = (AS_OF - LAST_DAY).days + 7 * back
        rows += [(code, age) for code, reports in a_week.items() for _ in range(reports)]
    frame = pd.DataFrame(rows, columns=["offence_code", "occurred_age_days"])
    frame["occurred_age_days"] = frame["occurred_age_days"].astype(float)
    frame["reported_age_days"] = np.nan
    frame["offence_class"] = frame["offence_code"].map(CLASSES).fillna("other")
    frame = frame.astype({"offence_code": "category", "offence_class": "category"})
    return Evidence(city, AS_OF, frame, len(frame), LAST_DAY)


def test_classes_as_ever_are_at_their_own_mean(city):
    seen = evidence(city, {})
    assert weekly_measures.lowest_target_class_pct(seen).value == pytest.approx(100)
    assert weekly_measures.highest_target_class_pct(seen).value == pytest.approx(100)


def test_a_class_whose_code_was_renamed_is_named_and_so_is_its_new_code(city):
    seen = evidence(city, {"nibrs:120": 0, "nibrs:120X": 60})
    lowest = weekly_measures.lowest_target_class_pct(seen)
    assert lowest.value == 0
    assert lowest.found == (
        "0 %: 0 robbery in the newest 1 week(s), 60 expected by its 18 weeks before"
    )
    new = weekly_measures.new_code_rows(seen)
    assert (new.value, new.found) == (60, "60 reports of the newest 4 weeks: nibrs:120X (60)")


def test_a_rare_class_is_judged_over_more_weeks(city):
    # Five homicides a week are too few for any span of weeks that is looked at.
    seen = evidence(city, {"nibrs:09A": 0}, weeks=8)
    assert weekly_measures.lowest_target_class_pct(seen).value > 90
    seen = evidence(city, {"nibrs:120": 20, "nibrs:13A": 100}, weeks=2)
    found = weekly_measures.lowest_target_class_pct(seen).found
    assert found.startswith("36 %: 20 robbery in the newest 1 week(s)")


def test_a_fall_of_the_whole_city_is_no_fall_of_a_class(city):
    halved = {code: reports // 2 for code, reports in A_WEEK.items()}
    lowest = weekly_measures.lowest_target_class_pct(evidence(city, halved))
    assert lowest.value == pytest.approx(100, abs=2)


def test_a_rise_of_other_classes_is_no_fall_of_a_class(city):
    lowest = weekly_measures.lowest_target_class_pct(evidence(city, {"nibrs:23F": 2000}))
    assert lowest.value == pytest.approx(100)


def test_another_class_that_vanishes_is_named(city):
    assert weekly_measures.lowest_other_class_pct(evidence(city, {})).value == pytest.approx(100)
    lowest = weekly_measures.lowest_other_class_pct(evidence(city, {"nibrs:23F": 0}))
    assert lowest.value == 0
    assert lowest.found.startswith(
        "0 %: 0 theft_from_vehicle in the newest 1 week(s), 400 expected"
    )


def test_a_class_that_takes_in_another_is_seen_to_grow(city):
    highest = weekly_measures.highest_target_class_pct(evidence(city, {"nibrs:13A": 300}))
    assert 200 < highest.value < 300
    assert "300 aggravated_assault" in highest.found


def test_codes_seen_before_and_codes_of_the_map_are_not_new(city):
    seen = evidence(city, {"nibrs:290": 500, "nibrs:13A": 400})
    new = weekly_measures.new_code_rows(seen)
    assert (new.value, new.found) == (0, "0 reports of the newest 4 weeks: none")


def test_without_a_past_there_is_no_verdict(city):
    seen = evidence(city, {})
    frame = seen.frame[seen.frame["occurred_age_days"] < 40]
    young = Evidence(city, AS_OF, frame, len(frame), LAST_DAY)
    for measure in (
        "lowest_target_class_pct",
        "lowest_other_class_pct",
        "highest_target_class_pct",
        "new_code_rows",
    ):
        assert getattr(weekly_measures, measure)(young).value is None


def test_weeks_after_the_last_whole_one_are_not_counted(city):
    seen = evidence(city, {"nibrs:120": 0})
    earlier = Evidence(city, AS_OF, seen.frame, seen.rows_in, LAST_DAY - timedelta(days=7))
    assert weekly_measures.lowest_target_class_pct(earlier).value == pytest.approx(100)
