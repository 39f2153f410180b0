from dataclasses import replace

import pytest

from pipeline.results.page.schemas import Check
from pipeline.results.page.track_record import SkillKnown
from pipeline.results.page.verdict import Evidence, losses, verdict


def check(outcome):
    return Check(
        table="incidents", name="in_box", outcome=outcome, found="1", expected="0", rows=1,
        meaning="all in the box", action=None,
    )  # fmt: skip


TALLY = {
    "rows in": 1000, "dropped: other state": 50, "quarantined": 5, "missing date": 5,
    "accepted": 945, "placed on the grid": 930, "of these moved to the nearest in-city cell": 20,
    "not placed: missing": 4, "not placed: withheld": 8, "not placed: out of box": 3,
    "not placed: outside city": 0,
}  # fmt: skip
GOOD = Evidence(
    provenance="live",
    checks=[check("pass"), check("quarantine")],
    tally=TALLY,
    is_stale=False,
    is_backfill=False,
    known_weeks=50,
    weeks_inside=41,
    skill=SkillKnown(26, 0.02, -0.01, 0.05),
)

WORSE = (
    "over the last 26 scored weeks its error was 3.0 % higher than that of each cell's long-run "
    "average (95 % interval 1.2 to 5.0 %)"
)


def test_a_sound_week_is_fit_for_use():
    found = verdict(GOOD)
    assert (found.level, found.besides) == ("fit for use", [])
    assert found.sentence == (
        "Fit for use: none of 2 checks of its data warns, few rows were lost, "
        "and the 80 % band has held over 50 weeks."
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"checks": [check("warn"), check("pass")]}, "1 check of its data gave a warning"),
        ({"checks": []}, "no checks of its data are on record"),
        ({"provenance": "recorded"}, "the data are a recording, not the newest there are"),
        ({"tally": {**TALLY, "quarantined": 43}}, "5 % of the rows were lost"),
        ({"is_stale": True}, "a newer forecast was due and could not be made"),
        ({"is_backfill": True}, "it was made later than it is dated"),
        (
            {"known_weeks": 0, "weeks_inside": 0},
            "there is hardly a track record: 0 weeks counted so far, and it takes 13",
        ),
        (
            {"weeks_inside": 30},
            "the 80 % band held the count in 30 of 50 weeks, fewer than chance explains",
        ),
        (
            {"weeks_inside": 50},
            "the 80 % band held the count in 50 of 50 weeks, more than chance explains",
        ),
        (
            {"skill": SkillKnown(26, -0.03, -0.05, -0.012)},
            WORSE,
        ),
    ],
)
def test_what_asks_for_care_says_why(change, why):
    found = verdict(replace(GOOD, **change))
    assert (found.level, found.sentence) == ("use with care", f"Use with care: {why}.")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"provenance": "simulated"}, "the data are simulated, not those of a real city"),
        ({"checks": [check("stop"), check("stop")]}, "2 checks of its data failed"),
        ({"tally": {**TALLY, "not placed: out of box": 200}}, "21 % of the rows were lost"),
    ],
)
def test_what_speaks_against_use_says_why(change, why):
    found = verdict(replace(GOOD, **change))
    assert (found.level, found.sentence) == ("do not use", f"Do not use: {why}.")


def test_simulated_data_say_so_first_and_lesser_reasons_stand_besides():
    worst = replace(GOOD, provenance="simulated", checks=[check("stop"), check("warn")])
    found = verdict(worst)
    assert found.sentence == (
        "Do not use: the data are simulated, not those of a real city; 1 check of its data failed."
    )
    assert found.besides == ["1 check of its data gave a warning"]


@pytest.mark.parametrize(
    "skill",
    [None, SkillKnown(26, -0.01, -0.03, 0.01), SkillKnown(5, -0.2, float("nan"), float("nan"))],
)
def test_what_chance_could_explain_asks_for_no_care(skill):
    assert verdict(replace(GOOD, skill=skill)).level == "fit for use"


def test_losses_say_where_and_how_many_of_all_rows():
    found = [(loss.what.partition(":")[0], loss.rows, loss.share) for loss in losses(TALLY)]
    assert found == [
        ("set aside", 5, 0.005),
        ("in no cell", 4, 0.004),
        ("in no cell", 3, 0.003),
        ("in no cell, but in the city's total", 8, 0.008),
        ("moved to the nearest cell of the city", 20, 0.02),
    ]


def test_a_run_without_an_account_lost_nothing_that_is_known():
    assert losses({}) == []
    assert verdict(replace(GOOD, tally={})).level == "fit for use"
